"""Reports: what is written is read back, a missed goal shows, pairs cancel what drifts."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import render, report
from benchmarks.report import Figure, Report, paired

BENCHMARKS = [file.stem for file in render.RESULTS.glob("*.json")]
FIGURES = {
    "lost": Figure(2.5, "%", baseline=100, goal=1, better="lower", spread=(2.0, 3.0)),
    "rate": Figure(12_345, "samples/s", goal=10_000, better="higher"),
    "memory": Figure(math.nan, "MB", goal=300, better="lower"),
    "plain": Figure(7, "B"),
}


@pytest.mark.parametrize(
    ("value", "better", "verdict"),
    [(1, "lower", "met"), (2, "lower", "MISSED"), (1, "higher", "met"), (0, "higher", "MISSED")],
)
def test_a_goal_is_met_or_missed(value: float, better: str, verdict: str) -> None:
    assert Figure(value, "s", goal=1, better=better).verdict == verdict  # type: ignore[arg-type]


def test_what_was_not_measured_meets_no_goal() -> None:
    assert FIGURES["memory"].verdict == "MISSED"
    assert "not measured" in report.table(FIGURES)


def test_a_report_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "results" / "serving.json"
    Report("serving", FIGURES).write(file)
    found, device = report.read(file)
    assert device == report.device()
    assert report.table(found.figures) == report.table(FIGURES)
    document = json.loads(file.read_text())
    assert document["versions"].keys() >= {"python", "pyarrow", "kafka-python", "fastavro"}
    assert document["figures"]["memory"]["value"] is None
    assert set(document["figures"]["rate"]) >= {"value", "unit", "baseline", "goal", "better"}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_an_option_that_a_benchmark_does_not_have_is_refused_before_it_measures(name: str) -> None:
    command = [sys.executable, "-m", f"benchmarks.{name}", "--qiuck"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert "--qiuck" in done.stderr


def test_finish_prints_and_writes_on_demand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.json"
    Report("x", FIGURES).finish(file)
    assert report.table(FIGURES) in capsys.readouterr().out
    assert file.exists()


def test_a_result_is_rendered_with_its_machine(tmp_path: Path) -> None:
    Report("serving", FIGURES).write(tmp_path / "serving.json")
    text = render.figures("serving", tmp_path)
    assert "| lost   | 2.5 %" in text
    assert "2 – 3" in text
    assert report.device() in text
    with pytest.raises(FileNotFoundError):
        render.figures("none", tmp_path)


def test_pairs_cancel_drift() -> None:
    clock = iter(1.1**step for step in range(100))
    found = paired(lambda: next(clock), lambda: 2 * next(clock), rounds=8)
    low, high = found.spread
    assert low <= found.ratio <= high
    assert found.ratio == pytest.approx(2, rel=0.02)
    assert [low, high] == pytest.approx([2 / 1.1, 2 * 1.1])


def test_one_round_shows_no_spread() -> None:
    with pytest.raises(ValueError, match=r"rounds: should be at least 2 .*, got 1"):
        paired(lambda: 1, lambda: 1, rounds=1)
