"""The demo's changes side by side: every change a row, an arrow for what moved."""

import math

import pytest

from benchmarks import side_by_side
from benchmarks.report import Figure, Report
from sidecar.demo.faults import CHANGES
from sidecar.demo.phases import FIGURES


def row(**changed: tuple[float | None, float, float]) -> list[str]:
    """Cells of the closed-book's row; ``changed`` are before, after and the least change."""
    values = {name: changed.get(name, (0.5, 0.5, 0.1)) for name in FIGURES}
    figures = {}
    for change in CHANGES:
        for name, (before, after, least) in values.items():
            figures[f"{name}_{change}"] = Figure(after, "", baseline=before)
            figures[f"least_change_of_{name}_{change}"] = Figure(least, "")
        figures[f"prompt_tokens_{change}"] = Figure(157.4, "tokens", baseline=151)
        figures[f"minutes_{change}"] = Figure(4.25, "min")
    lines = side_by_side.table(Report("demo_changes", figures)).splitlines()
    assert [line.split("`")[1] for line in lines[2:]] == list(CHANGES)
    return [cell.strip() for cell in lines[2].strip("|").split("|")]


def test_what_moved_has_an_arrow() -> None:
    cells = row(accuracy=(0.98, 0.48, 0.1), copy_rate=(0.5, 0.7, 0.1), context_share=(0.3, 0.25, 1))
    assert cells[1] == "98% → 48% ↓"
    assert "0.300 → 0.250" in cells
    assert "0.500 → 0.700 ↑" in cells
    assert cells[-2:] == ["151 → 157", "4.2"]


@pytest.mark.parametrize("missing", [(None, 0.5, math.nan), (0.5, math.nan, math.nan)])
def test_what_was_not_measured_has_none(missing: tuple[float | None, float, float]) -> None:
    [cell] = [cell for cell in row(grounding_score=missing) if "–" in cell]
    assert cell in ("– → 0.500", "0.500 → –")
