"""The wheel holds what runs need, and the daemon runs with its own lock alone."""

import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from sidecar.config import Http
from sidecar.daemon.client import Client, Unreachable

ROOT = Path(__file__).parent.parent

ONLY_LOCKED = """
import importlib.metadata, re, sys
text = open(sys.argv.pop(1)).read()
locked = set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))
canonical = lambda name: re.sub(r"[-_.]+", "-", name).lower()
installed = importlib.metadata.packages_distributions()
kept_out = {m for m, ds in installed.items() if not locked & set(map(canonical, ds))} - {"sidecar"}

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in kept_out:
            raise ModuleNotFoundError(f"{name} is not in the lock", name=name)

sys.meta_path.insert(0, Finder())
"""
"""Run before a program: makes every package absent that a lock does not have."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl"))).namelist()


def test_the_wheel_holds_all_modules_and_data(wheel: list[str]) -> None:
    listing = subprocess.check_output(["git", "-C", ROOT, "ls-files", "sidecar"], text=True)
    assert set(listing.splitlines()) - set(wheel) == set()
    assert "sidecar/py.typed" in wheel
    assert "sidecar/grafana/generated/dashboards/attention-overview.json" in wheel
    assert any(name.endswith("licenses/LICENSE") for name in wheel)


def test_the_wheel_holds_nothing_else(wheel: list[str]) -> None:
    assert {name.partition("/")[0].partition("-")[0] for name in wheel} == {
        "sidecar",
        "attention_sidecar",
    }


def test_the_daemon_runs_with_its_lock_alone(tmp_path: Path, free_port: int) -> None:
    program = f"{ONLY_LOCKED}\nfrom sidecar.cli import main\nmain()"
    flags = [f"http.port={free_port}", f"archive.path={tmp_path}", "daemon.stop_seconds=2"]
    arguments = ["daemon", *(part for flag in flags for part in ("--set", flag))]
    lock = ROOT / "deploy/locks/daemon.txt"
    process = subprocess.Popen([sys.executable, "-c", program, lock, *arguments])
    try:
        wait_for(Client(Http(port=free_port)), process)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def wait_for(client: Client, process: "subprocess.Popen[bytes]") -> None:
    while True:
        try:
            client.status()
        except Unreachable:
            assert process.poll() is None
            time.sleep(0.1)
        else:
            return


def test_what_keeps_packages_out_works() -> None:
    lock = ROOT / "deploy/locks/daemon.txt"
    program = f"{ONLY_LOCKED}\nimport click, numpy, zmq\nimport torch"
    result = subprocess.run(
        [sys.executable, "-c", program, lock], capture_output=True, text=True, check=False
    )
    assert "torch is not in the lock" in result.stderr
