"""The command `attention-sidecar query`."""

import csv
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sidecar import archive, config, schema
from sidecar.cli import main
from tests.archive.samples import batch, ids

QUERY = "select record_id, time, tags, layers, document_entropy from samples order by record_id"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    writer = archive.Writer(config.Archive(path=tmp_path))
    writer.append(batch(ids(2)))
    writer.close()
    return tmp_path


def query(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["query", *arguments])


def test_a_table(folder: Path) -> None:
    result = query(QUERY, "--archive", str(folder))
    assert result.exit_code == 0
    assert "record_id" in result.stdout
    assert "r-1" in result.stdout


def test_a_table_is_as_wide_as_where_it_goes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = ("select * from samples", "--archive", str(folder))
    monkeypatch.setenv("COLUMNS", "10000")
    assert all(name in query(*everything).stdout for name in schema.SIGNAL_NAMES)
    monkeypatch.setenv("COLUMNS", "100")
    assert max(map(len, query(*everything).stdout.splitlines())) <= 100


def test_csv(folder: Path) -> None:
    result = query(QUERY, "--archive", str(folder), "--format", "csv")
    first, second = csv.DictReader(result.stdout.splitlines())
    assert first["record_id"] == "r-0"
    assert second["time"] == "2026-11-23T08:30:00.001000+00:00"
    assert json.loads(second["tags"]) == {"tenant": "a"}
    assert second["layers"] == "[3, 7]"
    assert second["document_entropy"] == ""


def test_json(folder: Path) -> None:
    nan = QUERY.replace("document_entropy", "'NaN'::float as nan")
    result = query(nan, "--archive", str(folder), "--format", "json")
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["tags"] == {"tenant": "a"}
    assert second["nan"] is None


def test_the_folder_comes_from_the_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTENTION_ARCHIVE__PATH", str(folder))
    assert query("select count(*) as n from samples", "--format", "csv").stdout == "n\n2\n"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("selec 1", "Parser Error: syntax error"),
        ("select nope from samples", '"nope" not found'),
        ("select 1 from nowhere", "nowhere does not exist"),
        ("select error('at run time')", "at run time"),
        ("drop view samples", "read-only"),
    ],
)
@pytest.mark.parametrize("form", ["table", "json"])
def test_an_error_is_one_line(folder: Path, sql: str, message: str, form: str) -> None:
    result = query(sql, "--archive", str(folder), "--format", form)
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    result = query("select 1", "--archive", str(tmp_path / "nowhere"))
    assert result.exit_code == 1
    assert "nowhere" in result.stderr


def test_without_duckdb_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    result = query("select 1", "--archive", str(folder))
    assert result.exit_code == 1
    assert "pip install 'attention-sidecar[lab]'" in result.stderr
