"""Committed files are what the code makes, and Grafana's own model takes them whole."""

import json
import warnings
from pathlib import Path

import pytest

from dashboards import generate
from dashboards.layout import Row
from dashboards.panels import timeseries
from sidecar.grafana import boards

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

FILES = sorted((generate.FOLDER / "dashboards").glob("*.json"))


def test_committed_files_are_fresh() -> None:
    assert generate.main(["--check"]) == 0


def test_a_stale_missing_or_surplus_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    assert generate.main(["--check"]) == 1
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    stale, surplus = tmp_path / "dashboards/attention-overview.json", tmp_path / "old.json"
    stale.write_text("{}")
    surplus.write_text("{}")
    capsys.readouterr()
    assert generate.main(["--check"]) == 1
    told = capsys.readouterr().err.splitlines()
    assert sorted(line.partition(":")[0] for line in told) == sorted([str(stale), str(surplus)])
    assert generate.main([]) == 0
    assert not surplus.exists()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_dashboard_goes_through_grafanas_model_and_comes_back_the_same(file: Path) -> None:
    committed = json.loads(file.read_text())
    again = json.loads(json.dumps(Dashboard.from_json(committed), cls=JSONEncoder))
    assert again == committed


def test_a_row_that_does_not_fill_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match=r"widths \(10, 10\) should add up to 24"):
        Row(height=1, panels=(timeseries("a", "a", "short"),) * 2, widths=(10, 10)).spans()


def test_a_query_without_a_value_for_a_variable_names_it() -> None:
    with pytest.raises(boards.BoardError, match="variable 'nobody' is none of job"):
        boards.filled("x{a=~'$nobody'}", {"job": ".+"})


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "x.json"
    broken.write_text("{")
    with pytest.raises(boards.BoardError, match=str(broken)):
        boards.read(broken)
