"""A disk that takes no more, for real: the kernel refuses to let the files grow."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sidecar import archive, config
from tests.archive.test_writer import stored

ROOT = Path(__file__).parents[2]


def run(folder: Path, scenario: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.archive.disk_child", str(folder), scenario]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=120)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_full_disk_refuses_a_batch_whole_and_takes_it_later(tmp_path: Path) -> None:
    found = run(tmp_path, "full")
    assert found["error"].startswith("[Errno 27] cannot store 7 rows in ")
    assert found["error"].endswith("File too large")
    assert found["counts"]["refused_rows"] == 7
    assert found["counts"]["torn_bytes"] == 0
    assert stored(tmp_path) == sorted(found["accepted"])


def test_a_batch_over_two_hours_is_not_stored_by_half(tmp_path: Path) -> None:
    found = run(tmp_path, "half")
    assert "cannot store 40 rows" in found["error"]
    assert stored(tmp_path) == sorted(found["accepted"])


def test_rows_wait_in_the_journal_for_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    found = run(tmp_path, "staging")
    assert found["counts"]["staging_failures"] == 1
    assert stored(tmp_path) == []
    assert list((tmp_path / "_journal").glob("*.staged")) == []
    later = archive.Writer(config.Archive(path=tmp_path))
    later.close()
    assert later.counts.recovered_rows == 50
    assert stored(tmp_path) == sorted(found["accepted"])


def test_a_folder_that_cannot_be_made_is_an_error_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        archive.Writer(config.Archive(path=tmp_path / "file" / "archive"))
