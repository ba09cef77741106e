"""Panels on matplotlib's axes, one function for each of Grafana's kinds."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.ticker import FuncFormatter

from sidecar.grafana.preview.fetch import Data, Series
from sidecar.grafana.preview.units import shown

COLORS = {
    "green": "#73bf69",
    "yellow": "#fade2a",
    "orange": "#ff9830",
    "red": "#f2495c",
    "blue": "#5794f2",
}
LINES = ("#5794f2", "#ff9830", "#b877d9", "#73bf69", "#fade2a", "#5cd6d6", "#f2a6c0", "#c4a484")
INK, FAINT, PANEL, GRID = "#d8d9da", "#8e8e8e", "#181b1f", "#2c3235"


def draw(panel: Mapping[str, Any], data: Data, axes: Axes) -> None:
    """A panel without its title."""
    axes.set_facecolor(PANEL)
    axes.tick_params(colors=FAINT, labelsize=7, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if data.errors:
        _words(axes, "\n".join(textwrap.wrap(data.errors[0], 60)[:4]), COLORS["red"])
    elif not any(np.isfinite(one.values).any() for one in data.series):
        _words(axes, _defaults(panel).get("noValue", "no data"), FAINT)
    else:
        _KINDS[panel["type"]](panel, data, axes)


def level(panel: Mapping[str, Any], value: float) -> str:
    """The colour that the thresholds give a value."""
    found = "blue"
    for step in _defaults(panel).get("thresholds", {}).get("steps", []):
        if step["value"] is None or value >= step["value"]:
            found = step["color"]
    return COLORS.get(found, found)


def _lines(panel: Mapping[str, Any], data: Data, axes: Axes) -> None:
    custom = _defaults(panel)["custom"]
    thin = _thin(panel)
    if custom.get("stacking", {}).get("mode") == "normal":
        _stack(data, axes)
    else:
        for one in data.series:
            style = (0, (5, 3)) if thin and thin.search(one.name) else "-"
            color = LINES[data.place(one.name.removesuffix(" expected")) % len(LINES)]
            width = 1.0 if style != "-" else 1.6
            axes.plot(_dates(one), one.values, color=color, ls=style, lw=width, label=one.name)
    _limit(panel, axes)
    if custom.get("scaleDistribution", {}).get("type") == "log":
        axes.set_yscale("symlog", linthresh=1)
    _time_axis(data, axes)
    _value_axis(panel, data, axes)
    _legend(axes)


def _stack(data: Data, axes: Axes) -> None:
    moments = np.unique(np.concatenate([one.times for one in data.series]))
    rows = [np.interp(moments, one.times, np.nan_to_num(one.values)) for one in data.series]
    names = [one.name for one in data.series]
    axes.stackplot(date2num(moments.astype("datetime64[s]")), rows, labels=names, colors=LINES)


def _limit(panel: Mapping[str, Any], axes: Axes) -> None:
    if "thresholdsStyle" not in _defaults(panel)["custom"]:
        return
    for step in _defaults(panel)["thresholds"]["steps"][1:]:
        color, (low, high) = COLORS[step["color"]], axes.get_ylim()
        axes.axhline(step["value"], color=color, lw=1)
        top = max(high, step["value"] * 1.15)
        axes.axhspan(step["value"], top, color=color, alpha=0.15, lw=0)
        axes.set_ylim(min(low, 0), top)


def _stat(panel: Mapping[str, Any], data: Data, axes: Axes) -> None:
    value = data.series[0].last
    axes.set_facecolor(level(panel, value))
    words = shown(value, _defaults(panel)["unit"], data.span.end)
    _words(axes, words, "#111217", size=20 if len(words) < 8 else 14, weight="bold")


def _timeline(panel: Mapping[str, Any], data: Data, axes: Axes) -> None:
    options = _defaults(panel)["mappings"][0]["options"]
    colors = {place: COLORS.get(one["color"], one["color"]) for place, one in options.items()}
    ordered = sorted(data.series, key=lambda one: one.name, reverse=True)
    for row, one in enumerate(ordered):
        for left, right, value in _stretches(one, data.span.step):
            axes.barh(row, right - left, left=left, height=0.8, color=colors[f"{value:.0f}"])
    axes.set_yticks(range(len(ordered)), [one.name for one in ordered], color=INK, fontsize=8)
    for place, option in options.items():
        axes.barh(0, 0, color=colors[place], label=option["text"])
    _time_axis(data, axes)
    _legend(axes)


def _stretches(series: Series, step: float) -> Iterator[tuple[float, float, float]]:
    """Start, end and value of each stretch of one value; times as matplotlib's dates."""
    breaks = (np.diff(series.values) != 0) | (np.diff(series.times) > 1.5 * step)
    edges = [0, *(np.flatnonzero(breaks) + 1), len(series.times)]
    for first, after in pairwise(edges):
        moments = [series.times[first], series.times[after - 1] + step]
        left, right = date2num(np.array(moments).astype("datetime64[s]"))
        yield float(left), float(right), float(series.values[first])


def _heatmap(panel: Mapping[str, Any], data: Data, axes: Axes) -> None:
    series = sorted(data.series, key=lambda one: _number(one.name))
    moments = np.unique(np.concatenate([one.times for one in series]))
    grid = np.full((len(series), len(moments)), np.nan)
    for row, one in enumerate(series):
        grid[row, np.searchsorted(moments, one.times)] = one.values
    if panel["targets"][0].get("format") == "heatmap":
        grid = np.clip(np.diff(np.nan_to_num(grid), axis=0, prepend=0), 0, None)
        grid[grid == 0] = np.nan
    edges = np.append(moments, moments[-1] + data.span.step) - data.span.step / 2
    drawn = axes.pcolormesh(
        date2num(edges.astype("datetime64[s]")),
        np.arange(len(series) + 1),
        grid,
        cmap="viridis",
        rasterized=True,
    )
    every = max(1, len(series) // 8)
    places = np.arange(0, len(series), every)
    axes.set_yticks(places + 0.5, [series[place].name for place in places])
    axes.figure.colorbar(drawn, ax=axes, pad=0.01, fraction=0.04).ax.tick_params(
        colors=FAINT, labelsize=6, length=0
    )
    _time_axis(data, axes)


def _bars(panel: Mapping[str, Any], data: Data, axes: Axes) -> None:
    series = [one for one in data.series if np.isfinite(one.last)][:16]
    places = np.arange(len(series))[::-1]
    values = [one.last for one in series]
    axes.barh(places, values, color=[level(panel, value) for value in values], height=0.7)
    axes.set_yticks(places, [one.name for one in series], color=INK, fontsize=7)
    axes.axvline(0, color=FAINT, lw=0.8)
    axes.margins(x=0.25)
    unit = _defaults(panel)["unit"]
    for place, value in zip(places, values, strict=True):
        side = "left" if value >= 0 else "right"
        words = f" {shown(value, unit, data.span.end)} "
        axes.text(value, place, words, color=INK, va="center", ha=side, fontsize=7)
    axes.set_xticks([])


def _table(panel: Mapping[str, Any], data: Data, axes: Axes) -> None:
    columns, units = _columns(panel)
    refs = {target["refId"] for target in panel["targets"]}
    lines: dict[tuple[str, ...], dict[str, str]] = {}
    for one in data.series:
        key = tuple(f"{name}={value}" for name, value in sorted(one.labels.items()))
        line = lines.setdefault(key, dict(one.labels))
        name = "Value" if len(refs) == 1 else f"Value #{one.ref}"
        unit = units.get(columns.get(name, ""), "short")
        line[name] = shown(one.last, unit, data.span.end)
    cells = [[line.get(name, "") for name in columns] for line in lines.values()][:9]
    axes.set_axis_off()
    drawn = axes.table(
        cells, colLabels=list(columns.values()), loc="upper left", cellLoc="left", edges="B"
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


_KINDS = {
    "timeseries": _lines,
    "stat": _stat,
    "state-timeline": _timeline,
    "heatmap": _heatmap,
    "bargauge": _bars,
    "table": _table,
}


def _defaults(panel: Mapping[str, Any]) -> dict[str, Any]:
    return dict(panel.get("fieldConfig", {}).get("defaults", {}))


def _thin(panel: Mapping[str, Any]) -> re.Pattern[str] | None:
    """Names of the series that are drawn dashed."""
    for one in panel["fieldConfig"]["overrides"]:
        if one["matcher"]["id"] == "byRegexp":
            return re.compile(one["matcher"]["options"].strip("/"))
    return None


def _dates(one: Series) -> Any:
    return date2num(one.times.astype("datetime64[s]"))


def _time_axis(data: Data, axes: Axes) -> None:
    start, end = date2num(np.array([data.span.start, data.span.end]).astype("datetime64[s]"))
    for moment in data.marks:
        if data.span.start <= moment <= data.span.end:
            place = date2num(np.datetime64(int(moment), "s"))
            axes.axvline(place, color=COLORS["red"], lw=1, ls=":")
    axes.set_xlim(start, end)
    locator = AutoDateLocator(maxticks=6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    axes.grid(axis="x", color=GRID, lw=0.5)


def _value_axis(panel: Mapping[str, Any], data: Data, axes: Axes) -> None:
    unit = _defaults(panel)["unit"]
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: shown(value, unit, data.span.end))
    )
    axes.grid(axis="y", color=GRID, lw=0.5)


def _legend(axes: Axes) -> None:
    handles, names = axes.get_legend_handles_labels()
    if handles:
        across = axes.get_position().width * axes.figure.get_figwidth()
        columns = max(1, int(across / (0.45 + 0.055 * max(map(len, names)))))
        most = 2 * columns
        axes.legend(
            handles[:most], names[:most], loc="upper left",
            bbox_to_anchor=(0, -0.1), ncols=columns, fontsize=6.5, frameon=False, labelcolor=INK,
            handlelength=1.2, columnspacing=1.0,
        )  # fmt: skip


def _words(axes: Axes, words: str, color: str, *, size: float = 10, weight: str = "normal") -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(
        0.5, 0.5, words, transform=axes.transAxes,
        color=color, fontsize=size, fontweight=weight, ha="center", va="center",
    )  # fmt: skip


def _number(name: str) -> tuple[float, str]:
    """Names that are numbers, or start with one, in their order."""
    match = re.match(r"[+]?(Inf|[\d.]+?)(?:\.(\d+))?$", name)
    if name == "+Inf":
        return float("inf"), name
    try:
        return float(name), name
    except ValueError:
        return float(match[1]) if match else 0.0, name
