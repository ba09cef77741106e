"""Colours and words of previews: Grafana's dark theme."""

import math
from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

COLORS = {
    "green": "#73bf69",
    "yellow": "#fade2a",
    "orange": "#ff9830",
    "red": "#f2495c",
    "blue": "#5794f2",
    "purple": "#b877d9",
}
BACK, PANEL, GRID = "#111217", "#181b1f", "#2c3235"
INK, FAINT = "#d8d9da", "#8e8e8e"


def defaults(panel: Mapping[str, Any]) -> dict[str, Any]:
    """What holds for all fields of a panel."""
    return dict(panel.get("fieldConfig", {}).get("defaults", {}))


def unit(panel: Mapping[str, Any]) -> str:
    """Grafana's name of the panel's unit."""
    return str(defaults(panel)["unit"])


def nothing(panel: Mapping[str, Any]) -> tuple[str, str]:
    """What a panel says without data, and on which colour.

    Grafana takes the colour of the mapping of null or, without one, of the lowest threshold.
    """
    said = str(defaults(panel).get("noValue", "no data"))
    for mapping in defaults(panel).get("mappings", []):
        if mapping["type"] == "special" and "null" in mapping["options"]["match"]:
            found = mapping["options"]["result"]
            return found.get("text", said), COLORS.get(found["color"], found["color"])
    return said, level(panel, -math.inf)


def level(panel: Mapping[str, Any], value: float) -> str:
    """The colour that the thresholds give a value."""
    found = "blue"
    for step in defaults(panel).get("thresholds", {}).get("steps", []):
        if step["value"] is None or value >= step["value"]:
            found = step["color"]
    return COLORS.get(found, found)


def words(axes: Axes, said: str, color: str, *, size: float = 10, weight: str = "normal") -> None:
    """A few words in the middle of a panel."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(
        0.5, 0.5, said, transform=axes.transAxes,
        color=color, fontsize=size, fontweight=weight, ha="center", va="center",
    )  # fmt: skip
