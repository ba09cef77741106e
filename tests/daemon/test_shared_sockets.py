"""Sockets in a volume of one pod, where daemon and engine are two users."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar import config
from sidecar.daemon.sockets import Sockets
from tests.conftest import skip

CHILD = Path(__file__).with_name("shared_child.py")
DAEMON, ENGINE = 65532, 2000


@pytest.fixture
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Kubernetes makes of an emptyDir: root's, open to all, without a sticky bit."""
    if os.getuid() != 0:
        skip("becoming two users needs root")
    folder = tmp_path_factory.mktemp("volume")
    for parent in (folder, *folder.parents):
        if parent.stat().st_mode & 0o005 != 0o005 and parent.name.startswith("pytest-"):
            parent.chmod(0o755)
    folder.chmod(0o777)
    return folder


def daemon(folder: Path, *, shared: bool) -> Sockets:
    wire = config.Wire(
        samples=f"ipc://{folder}/samples", control=f"ipc://{folder}/control", shared=shared
    )
    os.setresgid(DAEMON, DAEMON, 0)
    os.setresuid(DAEMON, DAEMON, 0)
    try:
        return Sockets(wire)
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)


def engine(folder: Path, sockets: Sockets, milliseconds: int = 20_000) -> tuple[bool, bool]:
    """Whether the engine's message arrived, and whether it heard the daemon."""
    arrived = False
    command = (sys.executable, CHILD, str(ENGINE), str(folder), str(milliseconds))
    with subprocess.Popen(command) as child:
        while child.poll() is None:
            sockets.publish([b"settings"])
            arrived = sockets.ready(0.1) or arrived
    return arrived, child.returncode == 0


def test_an_engine_of_another_user_meets_the_daemon(volume: Path) -> None:
    with daemon(volume, shared=True) as sockets:
        assert (volume / "samples").stat().st_uid == DAEMON
        assert engine(volume, sockets) == (True, True)


def test_otherwise_only_the_daemons_own_user_connects(volume: Path) -> None:
    volume.chmod(0o1777)
    with daemon(volume, shared=False) as sockets:
        assert engine(volume, sockets, milliseconds=500) == (False, False)
