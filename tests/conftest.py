"""Fixtures of general use."""

import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import hypothesis
import pytest

hypothesis.settings.register_profile("sidecar", deadline=None)
hypothesis.settings.load_profile("sidecar")

Requires = Callable[[str], Path]


def skip(reason: str) -> NoReturn:
    """Skip the test in plain sight, and fail it where CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the user's settings, sockets or token."""
    for name in [name for name in os.environ if name.startswith("ATTENTION_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))


@pytest.fixture
def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def requires() -> Requires:
    """Path of a tool; without it the test is skipped, and fails where CI=true."""

    def find(tool: str) -> Path:
        beside_python = Path(sys.executable).parent
        found = shutil.which(tool) or shutil.which(tool, path=str(beside_python))
        if found:
            return Path(found)
        skip(f"{tool} is not installed; docs/development.md says what `make setup` needs for it")

    return find
