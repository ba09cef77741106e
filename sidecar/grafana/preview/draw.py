"""Panels on matplotlib's axes, one function for each of Grafana's kinds."""

import textwrap
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from sidecar.grafana.preview import at_the_end, over_time
from sidecar.grafana.preview.fetch import Data
from sidecar.grafana.preview.style import BACK, COLORS, FAINT, PANEL, nothing, words

_KINDS: Mapping[str, Callable[[Mapping[str, Any], Data, Axes], None]] = {
    "timeseries": over_time.lines,
    "state-timeline": over_time.timeline,
    "heatmap": over_time.heatmap,
    "stat": at_the_end.stat,
    "bargauge": at_the_end.bars,
    "table": at_the_end.table,
}


def draw(panel: Mapping[str, Any], data: Data, axes: Axes) -> None:
    """A panel without its title."""
    axes.set_facecolor(PANEL)
    axes.set_axisbelow(True)
    axes.tick_params(colors=FAINT, labelsize=7, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if data.errors:
        words(axes, "\n".join(textwrap.wrap(data.errors[0], 60)[:4]), COLORS["red"])
    elif not any(np.isfinite(one.values).any() for one in data.series):
        _nothing(panel, axes)
    else:
        _KINDS[panel["type"]](panel, data, axes)


def _nothing(panel: Mapping[str, Any], axes: Axes) -> None:
    """What a panel says without data; a number is on its colour then too."""
    said, color = nothing(panel)
    if panel["type"] == "stat":
        axes.set_facecolor(color)
        words(axes, said, BACK, size=14, weight="bold")
    else:
        words(axes, said, FAINT)
