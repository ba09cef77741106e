"""What a calibration needs of the daemon: every step of every layer, and the archive at once."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

EVERY_STEP: Mapping[str, Any] = {"stride": 1, "layers": "all", "budget_ms_per_s": 0.0}
FOLLOW_SECONDS = 20.0


class DaemonFailed(RuntimeError):
    """The daemon or its taps do not do what is needed; the message says what to do."""


class Daemon(Protocol):
    """A running daemon's HTTP side."""

    def status(self) -> dict[str, Any]:
        """Taps and settings."""

    def sampling(self) -> dict[str, Any]:
        """The sampling settings in force."""

    def change_sampling(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Change some of them."""

    def flush_archive(self) -> None:
        """Let readers of the archive see all samples so far."""


@contextmanager
def every_step(daemon: Daemon) -> Iterator[None]:
    """Taps summarise every layer and step, without a budget; afterwards it is as it was before.

    Raises DaemonFailed when that is in force already, when no tap follows, or when the settings
    cannot be put back.
    """
    before = _chosen(daemon.sampling())
    usual = _chosen(daemon.status()["settings"]["sampling"])
    if before == EVERY_STEP != usual:
        raise DaemonFailed(
            "stride 1, all layers and no budget are in force already: another calibration is "
            "running, or one was killed. If none is running, set what should be in force "
            f"afterwards, such as what the daemon started with: {_command(usual)}"
        )
    try:
        daemon.change_sampling(dict(EVERY_STEP))
        _wait_for_taps(daemon)
        yield
    finally:
        _put_back(daemon, before)


def archive_path(daemon: Daemon) -> str:
    """Where the daemon archives. Raises DaemonFailed when it does not keep what is needed."""
    settings = daemon.status()["settings"]["archive"]
    for name in ("enabled", "per_head"):
        if not settings[name]:
            raise DaemonFailed(f"archive.{name} is off in the daemon; calibration reads the heads")
    return str(settings["path"])


def _wait_for_taps(daemon: Daemon) -> None:
    deadline = time.monotonic() + FOLLOW_SECONDS
    while True:
        taps = daemon.status()["taps"]
        active = [tap for tap in taps if tap["state"] == "active"]
        if active and all(EVERY_STEP.items() <= tap["sampling"].items() for tap in active):
            return
        if time.monotonic() > deadline:
            states = ", ".join(tap["state"] for tap in taps) or "none has reported"
            raise DaemonFailed(
                f"no tap took the settings within {FOLLOW_SECONDS:g} s (taps: {states}); "
                "attention-sidecar doctor tells more"
            )
        time.sleep(0.2)


def _chosen(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those that a calibration changes."""
    return {name: settings[name] for name in EVERY_STEP}


def _put_back(daemon: Daemon, before: dict[str, Any]) -> None:
    """Asks first: a change that was refused needs no other."""
    try:
        if _chosen(daemon.sampling()) != before:
            daemon.change_sampling(before)
    except Exception as error:
        raise DaemonFailed(
            f"the sampling settings could not be put back to {before}: {error}; "
            f"this does it: {_command(before)}"
        ) from error


def _command(settings: dict[str, Any]) -> str:
    layers = settings["layers"]
    return (
        f"attention-sidecar sampling set --stride {settings['stride']} "
        f"--layers {layers if isinstance(layers, str) else ','.join(map(str, layers))} "
        f"--budget-ms {settings['budget_ms_per_s']:g}"
    )
