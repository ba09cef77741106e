"""Children of the demo are watched, and neither they nor their children outlive it."""

import os
import sys
import time
from pathlib import Path

import pytest

from sidecar.demo.processes import Child, DemoError, answers, free_port

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("child", child.pid, flush=True)
time.sleep(60)
"""


def child(tmp_path: Path, code: str) -> Child:
    return Child("the helper", [sys.executable, "-c", code], env={}, log=tmp_path / "x" / "log")


def is_running(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_child_is_stopped_with_its_own_children(tmp_path: Path) -> None:
    with child(tmp_path, PARENT) as running:
        running.wait_until(lambda: "child" in running.log.read_text(), seconds=20, what="it")
        grandchild = int(running.log.read_text().split()[1])
        assert is_running(grandchild)
    deadline = time.monotonic() + 5
    while is_running(grandchild) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(grandchild)


def test_a_child_that_dies_is_reported_with_its_last_lines(tmp_path: Path) -> None:
    code = "print(*range(100), sep='\\n', flush=True); raise SystemExit(3)"
    died = pytest.raises(DemoError, match="the helper ended with code 3")
    with child(tmp_path, code) as running, died as caught:
        running.wait_until(lambda: False, seconds=20, what="it")
    lines = [line.strip() for line in str(caught.value).splitlines()]
    assert lines[-1] == "99"
    assert "70" in lines
    assert "69" not in lines


def test_waiting_has_an_end(tmp_path: Path) -> None:
    late = pytest.raises(DemoError, match="the helper: the start took more than 0 s")
    with child(tmp_path, "import time; time.sleep(60)") as running, late:
        running.wait_until(lambda: False, seconds=0.3, what="the start")


def test_settings_reach_the_child(tmp_path: Path) -> None:
    code = "import os; print(os.environ['DEMO_SETTING'], os.getpgid(0) == os.getpid(), flush=True)"
    log = tmp_path / "log"
    with Child("it", [sys.executable, "-c", code], env={"DEMO_SETTING": "on"}, log=log):
        deadline = time.monotonic() + 20
        while not log.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
    assert log.read_text().split() == ["on", "True"]
    assert "DEMO_SETTING" not in os.environ


def test_nobody_answers_on_a_free_port() -> None:
    assert not answers(f"http://127.0.0.1:{free_port()}/")
