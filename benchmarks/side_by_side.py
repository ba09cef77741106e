"""The demo's changes as a table: a row for each, its figures before and after the rollout."""

import math
from collections.abc import Mapping

from benchmarks.report import Figure, Report
from sidecar.demo.faults import CHANGES
from sidecar.demo.phases import ACCURACY, FIGURES, TITLES

_TOKENS, _MINUTES = "prompt_tokens", "minutes"
_TITLES = {**{name: TITLES[name] for name in FIGURES}, _TOKENS: "prompt tokens"}


def table(report: Report) -> str:
    """Markdown; an arrow where a figure moved by more than its scatter. Raises KeyError."""
    heading = ["rolled out", *_TITLES.values(), "minutes"]
    rows = [heading, ["---"] * len(heading)]
    rows += [_row(name, report.figures) for name in CHANGES]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(change: str, figures: Mapping[str, Figure]) -> list[str]:
    cells = [_cell(name, change, figures) for name in _TITLES]
    return [f"`{change}`", *cells, f"{figures[f'{_MINUTES}_{change}'].value:.1f}"]


def _cell(name: str, change: str, figures: Mapping[str, Figure]) -> str:
    figure = figures[f"{name}_{change}"]
    least = figures.get(f"least_change_of_{name}_{change}")
    values = f"{_text(name, figure.baseline)} → {_text(name, figure.value)}"
    return f"{values}{_arrow(figure, least.value if least else math.nan)}"


def _arrow(figure: Figure, least: float) -> str:
    by = math.nan if figure.baseline is None else figure.value - figure.baseline
    if not abs(by) > least:
        return ""
    return " ↑" if by > 0 else " ↓"


def _text(name: str, value: float | None) -> str:
    if value is None or math.isnan(value):
        return "–"
    return {ACCURACY: f"{value:.0%}", _TOKENS: f"{value:.0f}"}.get(name, f"{value:.3f}")
