"""Plots of a replay as SVG, for a page that loads nothing from elsewhere."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from io import StringIO
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from sidecar.drift.alert import Alert
from sidecar.drift.replay.history import Course
from sidecar.drift.requests import Floats

STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888",
    "axes.labelcolor": "#555",
    "xtick.color": "#555",
    "ytick.color": "#555",
}
LINE, ALARM, EXPECTED = "#1f5fa8", "#c0392b", "#e4e9ee"
DAY = 86_400e6
"""Microseconds."""
LONGEST = 40
"""Letters of a name in a legend."""
MOST_POINTS = 120
FEWEST = 20
"""Requests of a point, at least."""


def course(one: Course, alerts: Sequence[Alert], limits: tuple[float, float]) -> str:
    """The paging signal over time, as means of requests in a row with two standard errors.

    Zero is what the baseline expects, the band its margin; alerts are marked from their estimated
    change point to their end. ``limits`` of the vertical axis, in standard deviations.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.4, 2.1), layout="constrained")
        axes = figure.subplots()
        axes.axhspan(-one.margin, one.margin, color=EXPECTED, zorder=0, linewidth=0)
        axes.axhline(0, color="#888", linewidth=0.8, zorder=1)
        moments, means, errors = points(one)
        axes.fill_between(moments, means - errors, means + errors, color=LINE, alpha=0.2, lw=0)
        axes.plot(moments, means, color=LINE, linewidth=1.2)
        for alert in alerts:
            _mark(axes, alert, moments[-1])
        axes.set(ylabel="deviation (sd)", ylim=limits)
        locator = AutoDateLocator()  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        return _svg(figure)


def distributions(pairs: Sequence[tuple[str, Course]], limits: tuple[float, float]) -> str:
    """The paging signal's residuals of one stream, of each version."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.4, 1.9), layout="constrained")
        axes = figure.subplots()
        edges = np.linspace(*limits, 61)
        for (name, one), colour in zip(pairs, (LINE, "#d98000"), strict=False):
            values = paging(one)
            known = np.clip(values[np.isfinite(values)], *limits)
            share = np.histogram(known, edges)[0] / max(len(known), 1)
            axes.stairs(share, edges, color=colour, linewidth=1.4, label=_short(name))
        axes.axvline(0, color="#888", linewidth=0.8, zorder=0)
        axes.set(xlabel="deviation of a request (sd)", yticks=[], xlim=limits)
        axes.spines["left"].set_visible(False)
        axes.legend(frameon=False)
        return _svg(figure)


def points(one: Course) -> tuple[Floats, Floats, Floats]:
    """Days since the epoch, means, two standard errors: at most 120 groups in a row."""
    values = paging(one)
    known = np.isfinite(values)
    values, times = values[known], one.time[known]
    count = max(1, min(MOST_POINTS, len(values) // FEWEST))
    parts = [part for part in np.array_split(np.arange(len(values)), count) if len(part)]
    means = np.asarray([values[part].mean() for part in parts])
    errors = np.asarray([2 * values[part].std() / np.sqrt(len(part)) for part in parts])
    middles = np.asarray([times[part].mean() / DAY for part in parts])
    return middles, means, errors


def paging(one: Course) -> Floats:
    """[n] the mean of the paging signals that were measured."""
    stacked = np.stack([one.deviations[name] for name in one.paging])
    known = np.isfinite(stacked)
    number = known.sum(axis=0)
    found: Floats = np.full(stacked.shape[1], np.nan)
    np.divide(np.where(known, stacked, 0).sum(axis=0), number, out=found, where=number > 0)
    return found


def range_of(courses: Iterable[Course]) -> tuple[float, float]:
    """Limits that fit the means of all, and at least a standard deviation."""
    every = [points(one)[1] for one in courses if one.measured]
    low = min([-1.0, *(float(means.min()) - 0.2 for means in every)])
    high = max([1.0, *(float(means.max()) + 0.2 for means in every)])
    return low, high


def _mark(axes: Axes, alert: Alert, end: float) -> None:
    over = _day(alert.resolved) if alert.resolved else end
    axes.axvspan(_day(alert.since), over, color=ALARM, alpha=0.08, lw=0)
    axes.axvline(_day(alert.raised), color=ALARM, linewidth=1.4)


def _day(moment: datetime) -> float:
    return moment.timestamp() * 1e6 / DAY


def _short(text: str) -> str:
    """For a legend, in which a dollar would begin a formula."""
    return (text if len(text) <= LONGEST else f"{text[:LONGEST]}…").replace("$", r"\$")


def _svg(figure: Figure) -> str:
    held = StringIO()
    figure.savefig(held, format="svg", metadata={"Date": None, "Creator": None})
    text = held.getvalue()
    return re.sub(r'width="[^"]*pt" height="[^"]*pt"', "", text[text.index("<svg") :], count=1)


def known(values: Floats | None) -> Floats:
    """Those that were measured."""
    return np.zeros(0) if values is None else values[np.isfinite(values)]
