"""The command `archive compact`: one at a time, what it prints, and its exit codes."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sidecar import cli
from sidecar.archive.compaction import Compaction, UnderWay
from sidecar.archive.steps import Merged
from tests.archive.many_files import (
    EIGHT,
    ENOUGH,
    NINE,
    compact,
    parquet,
    write,
)
from tests.archive.samples import ids


def command(folder: Path, *options: str) -> Result:
    arguments = ["archive", "compact", "--archive", str(folder), *options]
    return CliRunner().invoke(cli.main, arguments, catch_exceptions=False)


def test_two_compactions_exclude_each_other(many: Path) -> None:
    first = Compaction(many, ENOUGH).run(0)
    next(first)
    with pytest.raises(UnderWay, match="another compaction is at work on"):
        compact(many)
    told = command(many)
    assert told.exit_code == 1
    assert "Error: another compaction is at work" in told.output
    assert isinstance(next(first), Merged)
    list(first)
    assert compact(many) == []


def test_a_dry_run_says_what_would_be_and_changes_nothing(many: Path) -> None:
    write(many, ids(3, "eight-0"))
    before = sorted((file, file.stat().st_mtime_ns) for file in many.rglob("*"))
    told = command(many, "--dry-run")
    assert told.exit_code == 0
    first, _, last, nothing = told.output.splitlines()
    assert first.startswith(f"{EIGHT}: 6 files to 1, 150 rows, 3 duplicates left out, ")
    assert last.startswith("2 hours: 11 files to 2, 200 rows, 3 duplicates left out, ")
    assert nothing == "nothing was changed"
    assert sorted((file, file.stat().st_mtime_ns) for file in many.rglob("*")) == before


def test_the_command_prints_each_hour_and_a_total(many: Path) -> None:
    told = command(many)
    assert told.exit_code == 0
    eight, nine, last = told.output.splitlines()
    assert eight.startswith(f"{EIGHT}: 5 files to 1, 150 rows, 0 duplicates left out, ")
    assert nine.startswith(f"{NINE}: 5 files to 1, 50 rows, 0 duplicates left out, ")
    assert last.startswith("2 hours: 10 files to 2, 200 rows, 0 duplicates left out, ")
    again = command(many)
    assert (again.exit_code, again.output.splitlines()[0][:8]) == (0, "0 hours:")


def test_the_command_exits_with_1_when_something_cannot_be_read(many: Path) -> None:
    parquet(many, EIGHT)[0].write_bytes(b"PAR1")
    told = command(many)
    assert told.exit_code == 1
    assert f"{EIGHT}/" in told.stderr
    assert "2 hours: 9 files to 2" in told.stdout
    assert command(many / "nowhere").exit_code == 1
    assert command(many, "--older-than", "-1").exit_code == 2
    assert command(many, "--older-than", "1000000000").exit_code == 0


def test_a_folder_that_is_no_archive_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "attention-archive/_journal").mkdir(parents=True)
    told = command(tmp_path)
    assert told.exit_code == 1
    assert f"no archive at {str(tmp_path)!r}: expected 'date=…' or '_journal' in it" in told.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["attention-archive"]
    assert command(tmp_path / "attention-archive").exit_code == 0


def test_numbers_are_told_as_words_are_counted(tmp_path: Path) -> None:
    for seed in range(2):
        write(tmp_path, ids(1), seed=seed)
    hour, last = command(tmp_path).output.splitlines()
    assert hour.startswith(f"{EIGHT}: 2 files to 1, 1 row, 1 duplicate left out, ")
    assert last.startswith("1 hour: 2 files to 1, 1 row, 1 duplicate left out, ")
    before, after = re.findall(r"(\d+) kB", last)
    assert int(before) > int(after) > 0
