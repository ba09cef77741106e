"""Panels of what holds at the end of the span: numbers, bars, and tables."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from sidecar.grafana.preview.fetch import Data
from sidecar.grafana.preview.style import BACK, FAINT, GRID, INK, level, unit, words
from sidecar.grafana.preview.units import shown

_MOST_BARS, _MOST_LINES = 16, 9


def stat(panel: Mapping[str, Any], data: Data, axes: Axes) -> None:
    """One number on its colour."""
    value = data.series[0].last
    axes.set_facecolor(level(panel, value))
    said = shown(value, unit(panel), data.span.end)
    words(axes, said, BACK, size=20 if len(said) < 8 else 14, weight="bold")


def bars(panel: Mapping[str, Any], data: Data, axes: Axes) -> None:
    """A bar for each series, with its value; of too many, those furthest from 0."""
    known = [one for one in data.series if np.isfinite(one.last)]
    kept = {id(one) for one in sorted(known, key=lambda one: -abs(one.last))[:_MOST_BARS]}
    series = [one for one in known if id(one) in kept]
    places = np.arange(len(series))[::-1]
    values = [one.last for one in series]
    axes.barh(places, values, color=[level(panel, value) for value in values], height=0.7)
    axes.set_yticks(places, [one.name for one in series], color=INK, fontsize=7)
    axes.axvline(0, color=FAINT, lw=0.8)
    low, high = min(0.0, *values), max(0.0, *values)
    room = 0.25 * (high - low) or 1.0
    axes.set_xlim(low - room, high + room)
    for place, value in zip(places, values, strict=True):
        side = "left" if value >= 0 else "right"
        said = f" {shown(value, unit(panel), data.span.end)} "
        axes.text(value, place, said, color=INK, va="center", ha=side, fontsize=7)
    axes.set_xticks([])
    if len(known) > len(series):
        more = f"and {len(known) - len(series)} more, nearer to 0"
        axes.set_xlabel(more, color=FAINT, fontsize=7, loc="left", labelpad=-4)


def table(panel: Mapping[str, Any], data: Data, axes: Axes) -> None:
    """Labels and values, a line for each set of labels."""
    columns, units = _columns(panel)
    refs = {target["refId"] for target in panel["targets"]}
    lines: dict[tuple[str, ...], dict[str, str]] = {}
    for one in data.series:
        key = tuple(f"{name}={value}" for name, value in sorted(one.labels.items()))
        line = lines.setdefault(key, dict(one.labels))
        name = "Value" if len(refs) == 1 else f"Value #{one.ref}"
        kind = units.get(columns.get(name, ""), "short")
        line[name] = shown(one.last, kind, data.span.end)
    cells = [[line.get(name, "") for name in columns] for line in lines.values()]
    if len(cells) > _MOST_LINES:
        more = f"and {len(cells) - _MOST_LINES + 1} more"
        cells = [*cells[: _MOST_LINES - 1], [more, *[""] * (len(columns) - 1)]]
    axes.set_axis_off()
    drawn = axes.table(
        cells,
        colLabels=list(columns.values()),
        loc="upper left",
        cellLoc="left",
        colLoc="left",
        edges="B",
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    drawn.auto_set_column_width(list(range(len(columns))))
    drawn.scale(1, 1.4)
    for (row, _), cell in drawn.get_celld().items():
        cell.set_edgecolor(GRID)
        cell.get_text().set_color(FAINT if row == 0 else INK)


def _columns(panel: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Columns in order with their headings, and the units of headings."""
    organized = panel["transformations"][-1]["options"]
    order = sorted(organized["indexByName"], key=organized["indexByName"].__getitem__)
    units = {
        one["matcher"]["options"]: change["value"]
        for one in panel["fieldConfig"]["overrides"]
        for change in one["properties"]
        if change["id"] == "unit"
    }
    return {name: organized["renameByName"][name] for name in order}, units
