"""The demo as a user runs it: samples arrive and nothing is left behind, or it says why not."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.demo import story
from sidecar.demo.layout import Layout, prepare


def children_of_this_process() -> str:
    command = ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return "\n".join(line for line in found.splitlines() if "ps -o" not in line)


def test_an_engine_that_dies_ends_the_demo_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dying = [sys.executable, "-c", "raise SystemExit('no such device')"]
    monkeypatch.setattr(Layout, "engine_command", lambda _: dying)
    before = children_of_this_process()
    assert story.tell(tmp_path / "run", once=True) == 1
    said = capsys.readouterr()
    assert "demo failed: vLLM ended with code 1" in said.err
    assert "no such device" in said.err
    assert "PLACEHOLDER" in said.out
    assert children_of_this_process() == before


def test_a_run_replaces_the_last_one_s_archive_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    layout = prepare(tmp_path)
    assert not layout.archive.exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert layout.engine_port != layout.daemon_port
    assert layout.runtime.stat().st_mode & 0o077 == 0
    layout.runtime.rmdir()


@pytest.mark.slow
@pytest.mark.engine
def test_the_demo_ends_by_itself_with_samples_in_the_archive(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sidecar.demo", "--folder", str(tmp_path / "run")]
    done = subprocess.run(
        command,
        env={**os.environ, "DEMO_ONCE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = [re.search(rf"(\d+) samples {place}", done.stdout) for place in ("on", "in")]
    assert all(found and int(found[1]) > 0 for found in counts)
    assert done.stdout.count("$ attention-sidecar query") == 2
    assert re.search(r"context share 0\.\d+", done.stdout)
    assert "tap active" in done.stdout
    assert list((tmp_path / "run" / "archive").rglob("*.parquet"))
