"""Finds out what is wrong with an installation: a line for each check, with what to do.

Run it in the engine's environment; it imports neither vLLM nor torch.
"""

import os
import time
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

from sidecar.config import Settings
from sidecar.daemon.client import Client, Unreachable
from sidecar.doctor import environment, places, running, taps
from sidecar.doctor.check import Check, Verdict, fail, ok

__all__ = ["Check", "Verdict", "examine"]


def examine(settings: Settings, url: str | None = None, *, watch: float = 2.0) -> Iterator[Check]:
    """All checks, each as soon as it is done. Samples are counted for ``watch`` seconds.

    ``settings`` are this environment's; what the daemon was started with is asked of it.
    """
    installed = list(distributions())
    yield environment.plugin(installed)
    yield environment.vllm(installed)
    yield environment.kill_switch(os.environ)
    yield environment.allow_list(os.environ)
    yield from places.sockets(settings.wire)
    yield from _daemon(settings, url, watch)


def _daemon(settings: Settings, url: str | None, watch: float) -> Iterator[Check]:
    client = Client(settings.http, url)
    try:
        before = client.status()
        yield ok("daemon", f"version {before['version']} answers at {client.url}")
        yield running.addresses(before, settings.wire)
        yield running.clock(before, time.time())
        yield from taps.taps(before)
        yield from running.sinks(before)
        yield running.losses(before)
        if before["settings"]["archive"]["enabled"]:
            yield places.archive(Path(before["settings"]["archive"]["path"]))
        time.sleep(watch)
        yield running.samples(before, client.status(), watch)
    except Unreachable as error:
        yield fail("daemon", str(error), "start it: attention-sidecar daemon; or give --url")
