"""Scales, marks and legends of panels that show something over time."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from sidecar.grafana.preview.fetch import Data
from sidecar.grafana.preview.style import COLORS, GRID, INK, unit
from sidecar.grafana.preview.units import shown

_DAY = 86_400
_FLAT = 0.1
"""Of the value: a line that changes by less would look like a fault if it filled the panel."""
_LEGEND_LINES, _LEGEND_INCHES = 2, 0.24
"""The most, and how far below the axes they start."""


def dates(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds since 1970 as matplotlib counts them: in days."""
    return seconds / _DAY


def time_axis(data: Data, axes: Axes) -> None:
    """The whole span from left to right, with the estimated moments of change."""
    span = data.span
    for moment in data.marks:
        if span.holds(moment):
            axes.axvline(moment / _DAY, color=COLORS["red"], lw=1, ls=":")
    axes.set_xlim(span.start / _DAY, span.end / _DAY)
    # Of 5 ticks at least, which is its default, it finds none for three minutes.
    locator = AutoDateLocator(minticks=2, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, show_offset=False)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(formatter)
    axes.grid(axis="x", color=GRID, lw=0.5)


def value_axis(panel: Mapping[str, Any], data: Data, axes: Axes) -> None:
    """Values in the panel's unit; what hardly changes is seen from 0 on."""
    low, high = axes.dataLim.intervaly
    if high - low <= _FLAT * abs(high):
        axes.set_ylim(min(0.0, 1.3 * low), max(1.3 * high, 0.0) or 1.0)
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: shown(value, unit(panel), data.span.end))
    )
    axes.grid(axis="y", color=GRID, lw=0.5)


def legend(axes: Axes) -> None:
    """Names below the panel, line by line; those without room are counted."""
    handles, names = axes.get_legend_handles_labels()
    if not handles:
        return
    across = axes.bbox.width / axes.figure.dpi
    columns = max(1, int(across / (0.45 + 0.055 * max(map(len, names)))))
    most = _LEGEND_LINES * columns
    if len(names) > most:
        names = [*names[: most - 1], f"and {len(names) - most + 1} more"]
        handles = [*handles[: most - 1], Line2D([], [], lw=0)]
    order = [place for first in range(columns) for place in range(first, len(names), columns)]
    below = -_LEGEND_INCHES * axes.figure.dpi / axes.bbox.height
    axes.legend(
        [handles[place] for place in order], [names[place] for place in order],
        loc="upper left", bbox_to_anchor=(0, below), borderpad=0, borderaxespad=0,
        ncols=columns, fontsize=6.5, frameon=False, labelcolor=INK,
        handlelength=1.2, columnspacing=1.0,
    )  # fmt: skip
