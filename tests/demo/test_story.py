"""The demo as a user runs it: it tells what was measured and leaves nothing behind, or says why."""

import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sidecar import archive
from sidecar.demo import ending, layout, story
from sidecar.demo.faults import CHANGES, HEALTHY
from sidecar.demo.layout import Layout
from sidecar.demo.phases import SIGNALS
from sidecar.demo.stage import Stage
from tests.demo.test_traffic import engine

COMMAND = [sys.executable, "-m", "sidecar.demo", "--seconds", "15"]


def children_of_this_process() -> str:
    command = ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return "\n".join(line for line in found.splitlines() if "ps -o" not in line)


def test_an_engine_that_dies_ends_the_demo_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "grounded" / "model.safetensors"
    weights.parent.mkdir()
    weights.touch()
    monkeypatch.setattr(layout, "MODELS", tmp_path)
    dying = [sys.executable, "-c", "raise SystemExit('no such device')"]
    monkeypatch.setattr(Layout, "engine_command", lambda *_: dying)
    before = children_of_this_process()
    assert story.tell(tmp_path / "run", fault="stale", seconds=5, once=True) == 1
    said = capsys.readouterr()
    assert "demo failed: vLLM ended with code 1" in said.err
    assert "no such device" in said.err
    assert str(tmp_path / "run" / "vllm-1.log") in said.err
    assert CHANGES["stale"].does in said.out
    assert children_of_this_process() == before


def test_a_missing_model_is_named_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(layout, "MODELS", tmp_path)
    assert story.tell(tmp_path / "run", fault="stale", seconds=5, once=True) == 1
    assert str(tmp_path / "grounded" / "model.safetensors") in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_requests_that_fail_while_traffic_goes_on_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = iter([None, None, KeyboardInterrupt()])

    def check(_stage: Stage) -> None:
        if ended := next(checks):
            raise ended

    monkeypatch.setattr(Stage, "check", check)
    serving: Any = SimpleNamespace(engine=SimpleNamespace(log="vllm-1.log"))
    nowhere: Any = None
    with engine(reply=None) as failing:
        layout = Layout(Path(), Path(), failing.server_port, 0)
        story._stay(Stage(layout, nowhere, serving, seconds=1), HEALTHY)
    told = capsys.readouterr().err.splitlines()
    assert 1 <= len(told) <= 2
    assert re.search(r"^\d+ requests failed, the last with .+ \(log vllm-1.log\)$", told[0])


def test_a_folder_that_is_none_is_told_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", Path("/proc/nope")):
        assert story.tell(folder, fault="stale", seconds=5, once=True) == 1
        assert f"demo failed: --folder {str(folder)!r} cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize("name", CHANGES)
def test_the_query_of_every_change_can_be_asked(name: str, tmp_path: Path) -> None:
    sql = ending.split(CHANGES[name], datetime.now(UTC), SIGNALS)
    assert archive.open(tmp_path).sql(sql).fetchall() == []


@pytest.mark.slow
@pytest.mark.engine
def test_the_story_of_a_new_checkpoint_is_told_by_its_own_figures(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--folder", str(tmp_path / "run")],
        env={**os.environ, "DEMO_ONCE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=580,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = [re.search(rf"(\d+) samples {place}", done.stdout) for place in ("on", "in")]
    published, archived = (int(found[1]) for found in counts if found)
    assert 0 < published <= archived
    assert re.search(
        r"closed-book rolled out, measured on \d+ requests before and \d+", done.stdout
    )
    assert "tap active" in done.stdout
    assert re.search(r"answers right fell from 9\d% to [2-7]\d%", done.stdout)
    assert re.search(r"grounding score fell from", done.stdout)
    told = done.stdout.partition("what an on-call engineer is told:")[2]
    assert re.search(r"grounding_score fell by \d+ %", told), done.stdout
    assert done.stdout.count("$ attention-sidecar query") == 1
    for model in ("grounded", "closed-book"):
        assert re.search(rf"│ {layout.revision(model)} +│ +\d+ │", done.stdout)


@pytest.mark.slow
@pytest.mark.engine
def test_ctrl_c_ends_it_without_a_traceback(tmp_path: Path) -> None:
    command = [*COMMAND, "--fault", "stale", "--folder", str(tmp_path / "run")]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    log = tmp_path / "run" / "vllm-1.log"
    deadline = time.monotonic() + 60
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "stopped before the demo was over" in output
    assert "Traceback" not in output
