"""Panels over time: lines, states, and heatmaps."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from sidecar.grafana.preview import style
from sidecar.grafana.preview.axes import dates, legend, time_axis, value_axis
from sidecar.grafana.preview.fetch import Data, Series, grid
from sidecar.grafana.preview.looks import COLORS, looks
from sidecar.grafana.preview.style import FAINT, INK, defaults

Numbers = NDArray[np.float64]
_THIN = (0, (5, 3))
_LEAST_ROWS = 3
"""Of states: a bar alone would fill the panel."""


def lines(panel: Mapping[str, Any], data: Data, axes: Axes) -> None:
    """A line, or a layer of a stack, for each series."""
    custom = defaults(panel)["custom"]
    thin = _thin(panel)
    moments, rows = grid(data.series, data.span.step)
    if custom.get("stacking", {}).get("mode") == "normal":
        _stack(data, moments, rows, axes)
    else:
        names = [one.name.removesuffix(" expected") for one in data.series]
        found = looks(names, data.places)
        for one, name, values in zip(data.series, names, rows, strict=True):
            is_thin = thin is not None and thin.search(one.name)
            dash, width = (_THIN, 1.0) if is_thin else (found[name].dash, 1.6)
            color = found[name].color
            axes.plot(dates(moments), values, color=color, ls=dash, lw=width, label=one.name)
    if custom.get("scaleDistribution", {}).get("type") == "log":
        axes.set_yscale("symlog", linthresh=1)
    time_axis(data, axes)
    value_axis(panel, data, axes)
    _limit(panel, axes)
    legend(axes)


def _stack(data: Data, moments: Numbers, rows: Numbers, axes: Axes) -> None:
    """A layer that has no value leaves a gap, and those above it go on."""
    tops = np.nancumsum(rows, axis=0)
    for place, (one, top, values) in enumerate(zip(data.series, tops, rows, strict=True)):
        axes.fill_between(
            dates(moments), top - values, top,
            color=COLORS[place % len(COLORS)], lw=0, label=one.name,
        )  # fmt: skip


def _limit(panel: Mapping[str, Any], axes: Axes) -> None:
    if "thresholdsStyle" not in defaults(panel)["custom"]:
        return
    for step in defaults(panel)["thresholds"]["steps"][1:]:
        color, limit = style.COLORS[step["color"]], step["value"]
        axes.axhline(limit, color=color, lw=1)
        top = max(1.05 * axes.dataLim.y1, 1.15 * limit)
        axes.axhspan(limit, top, color=color, alpha=0.15, lw=0)
        axes.set_ylim(min(0, axes.dataLim.y0), top)


def _thin(panel: Mapping[str, Any]) -> re.Pattern[str] | None:
    """Names of the series that are drawn dashed."""
    for one in panel["fieldConfig"]["overrides"]:
        if one["matcher"]["id"] == "byRegexp":
            return re.compile(one["matcher"]["options"].strip("/"))
    return None


def timeline(panel: Mapping[str, Any], data: Data, axes: Axes) -> None:
    """A bar for each series, in the colours of its states."""
    options = defaults(panel)["mappings"][0]["options"]
    colors = {place: style.COLORS.get(one["color"], one["color"]) for place, one in options.items()}
    ordered = sorted(data.series, key=lambda one: one.name, reverse=True)
    for row, one in enumerate(ordered):
        for left, right, value in _stretches(one, data.span.step):
            axes.barh(row, right - left, left=left, height=0.8, color=colors[f"{value:.0f}"])
    axes.set_yticks(range(len(ordered)), [one.name for one in ordered], color=INK, fontsize=8)
    axes.set_ylim(min(0, len(ordered) - _LEAST_ROWS) - 0.6, len(ordered) - 0.4)
    for place, option in options.items():
        axes.barh(0, 0, color=colors[place], label=option["text"])
    time_axis(data, axes)
    legend(axes)


def _stretches(series: Series, step: float) -> Iterator[tuple[float, float, float]]:
    """Start, end and value of each stretch of one value; times as matplotlib's dates."""
    breaks = (np.diff(series.values) != 0) | (np.diff(series.times) > 1.5 * step)
    edges = [0, *(np.flatnonzero(breaks) + 1), len(series.times)]
    for first, after in pairwise(edges):
        moments = [series.times[first], series.times[after - 1] + step]
        left, right = dates(np.array(moments))
        yield float(left), float(right), float(series.values[first])


def heatmap(panel: Mapping[str, Any], data: Data, axes: Axes) -> None:
    """A row for each series or bucket, in the colours of its values."""
    series = sorted(data.series, key=lambda one: _numbers(one.name))
    moments, rows = grid(series, data.span.step)
    of_buckets = panel["targets"][0].get("format") == "heatmap"
    if of_buckets:
        rows = np.clip(np.diff(np.nan_to_num(rows), axis=0, prepend=0), 0, None)
        rows[rows == 0] = np.nan
    edges = np.append(moments, moments[-1] + data.span.step) - data.span.step / 2
    drawn = axes.pcolormesh(
        dates(edges),
        np.arange(len(series) + 1),
        rows,
        cmap="viridis",
        rasterized=True,
    )
    every = max(1, len(series) // 8)
    places = np.arange(0, len(series), every)
    axes.set_yticks(places + (1 if of_buckets else 0.5), [series[place].name for place in places])
    axes.figure.colorbar(drawn, ax=axes, pad=0.01, fraction=0.04).ax.tick_params(
        colors=FAINT, labelsize=6, length=0
    )
    time_axis(data, axes)


def _numbers(name: str) -> tuple[float, ...]:
    """What orders names: the number that a name is, `+Inf` too, or those in it."""
    try:
        return (float(name),)
    except ValueError:
        return tuple(float(one) for one in re.findall(r"\d+", name))
