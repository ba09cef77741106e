"""Where panels stand: rows of Grafana's grid, which is 24 units wide."""

from collections.abc import Iterable
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as model

from dashboards.panels import Panel

WIDTH = 24


@dataclass(frozen=True)
class Row:
    """Panels side by side and of one height; those of several rows may share one title."""

    height: int
    panels: tuple[Panel, ...]
    title: str | None = None
    """A line above the row; a row without one continues the last."""
    widths: tuple[int, ...] = ()
    """Of each panel; by default all are as wide."""

    def spans(self) -> tuple[int, ...]:
        """Width of each panel. Raises ValueError where they do not fill the row."""
        found = self.widths or (WIDTH // len(self.panels),) * len(self.panels)
        if len(found) != len(self.panels) or sum(found) != WIDTH:
            raise ValueError(f"row {self.title!r}: widths {found} should add up to {WIDTH}")
        return found


def place(rows: Iterable[Row]) -> list[model.Panel | model.RowPanel]:
    """The panels of all rows at their places, from top to bottom."""
    found: list[model.Panel | model.RowPanel] = []
    top = 0
    for row in rows:
        if row.title is not None:
            line = dashboard.Row(row.title).collapsed(False).build()
            line.grid_pos = model.GridPos(h=1, w=WIDTH, x=0, y=top)
            found.append(line)
            top += 1
        left = 0
        for panel, width in zip(row.panels, row.spans(), strict=True):
            built = panel.build()
            built.grid_pos = model.GridPos(h=row.height, w=width, x=left, y=top)
            found.append(built)
            left += width
        top += row.height
    return found
