"""Child processes of the demo: started in groups of their own, watched, and stopped cleanly."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import click
import httpx

_LAST_LINES = 30
_POLL_SECONDS, _PROGRESS_SECONDS = 0.25, 10.0
_TERM_SECONDS, _KILL_SECONDS = 15.0, 5.0


class DemoError(RuntimeError):
    """The demo cannot go on; the message says why and where to look."""


class Child:
    """One process with its output in ``log``; a context manager that stops it and its children."""

    def __init__(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path
    ) -> None:
        self.name, self.log = name, log
        self._command, self._env = list(command), {**os.environ, **env}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def check(self) -> None:
        """Raise DemoError with the end of the log when the process has ended."""
        code = self._running().poll()
        if code is not None:
            raise DemoError(f"{self.name} ended with code {code}\n{self.tail()}")

    def wait_until(self, ready: Callable[[], bool], *, seconds: float, what: str) -> float:
        """Wait for ``ready`` and return the seconds it took; says every 10 s that it still waits.

        ``what`` is waited for, as in "vLLM: the start took more than 300 s".

        Raises DemoError when the process ends first or the time is over.
        """
        started = told = time.monotonic()
        while not ready():
            self.check()
            now = time.monotonic()
            if now - started > seconds:
                late = f"{self.name}: {what} took more than {seconds:.0f} s"
                raise DemoError(f"{late}\n{self.tail()}")
            if now - told >= _PROGRESS_SECONDS:
                click.echo(f"  … {now - started:.0f} s")
                told = now
            time.sleep(_POLL_SECONDS)
        return time.monotonic() - started

    def stop(self) -> None:
        """Ask the process to end, then end what is left of its group."""
        process = self._process
        if process is None:
            return
        try:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                _wait(process, _TERM_SECONDS)
        finally:
            _kill_group(process.pid)
            _wait(process, _KILL_SECONDS)

    def tail(self) -> str:
        """The last 30 lines of the log and where it is."""
        lines = self.log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
        return "\n".join([f"last lines of {self.log}:", *(f"  {line}" for line in lines)])

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise DemoError(f"{self.name} was not started")
        return self._process


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether a GET is answered with a success."""
    try:
        return httpx.get(url, timeout=2.0).is_success
    except httpx.TransportError:
        return False


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
