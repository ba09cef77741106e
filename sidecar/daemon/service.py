"""The daemon as a whole: builds the parts, runs them, stops them in order."""

import ctypes
import gc
import logging
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import pyarrow as pa
import uvicorn
from prometheus_client import ProcessCollector

import sidecar
from sidecar import calibration
from sidecar.config import Settings
from sidecar.daemon import token
from sidecar.daemon.http import Api
from sidecar.daemon.intake import Intake
from sidecar.daemon.listening import listen
from sidecar.daemon.own import OwnMetrics
from sidecar.daemon.page import Page
from sidecar.daemon.role import Role, Source
from sidecar.daemon.sampling import SamplingControl
from sidecar.daemon.sinks.base import Sink
from sidecar.daemon.sinks.chosen import MissingLibrary, Unusable, chosen
from sidecar.daemon.sinks.runner import SinkRunner
from sidecar.daemon.sockets import AddressError
from sidecar.daemon.taps import Taps

log = logging.getLogger(__name__)

_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h

DRAIN_SHARE = 0.3
WRITE_SHARE = 0.8
"""When, within the time for a clean stop, the intake closes and the sinks begin to close."""


def from_taps(settings: Settings, runners: Mapping[str, SinkRunner], metrics: OwnMetrics) -> Source:
    """The sockets of taps; every sink gets every sample."""
    return Intake(
        settings.wire,
        sinks=list(runners.values()),
        sampling=SamplingControl(settings.sampling),
        taps=Taps(),
        metrics=metrics,
        calibrations=calibration.heads(settings.heads),
    )


REPLICA = Role(chosen, from_taps)
"""The daemon beside an engine."""


class Daemon:
    """One daemon.

    Raises AddressError when a socket, port or folder cannot be used, CalibrationError for a file,
    MissingLibrary for a sink, Unusable for another file.
    """

    def __init__(self, settings: Settings, role: Role = REPLICA) -> None:
        self.settings = settings
        self.metrics = OwnMetrics()
        sinks = role.sinks(settings, self.metrics)
        runners = {name: self._runner(sink) for name, sink in sinks.items()}
        self.runners = list(runners.values())
        for sink in sinks.values():
            sink.meet(runners)
        self._archive = runners.get("archive")
        self._started = time.time()
        self._stopping = False
        self._token = token.obtain(settings.http.token)
        self._socket = listen(settings.http.host, settings.http.port)
        try:
            self.source = role.source(settings, runners, self.metrics)
        except BaseException:
            self._socket.close()
            raise
        self.page = Page(
            {
                **sinks,
                self.source.name: self.source,
                "sidecar": self.metrics.registry,
                "process": ProcessCollector(registry=None),
            }
        )

    @property
    def url(self) -> str:
        """Where the HTTP side listens."""
        host, port = self._socket.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def start(self) -> None:
        """Take samples in."""
        for runner in self.runners:
            runner.start()
        self.source.start()

    def run(self) -> None:
        """Start, serve until SIGTERM or SIGINT, stop; call from the main thread."""
        self.start()
        gc.freeze()  # what is loaded by now stays; looking at it again would cost a tenth
        log.info("samples from %s, metrics on %s/metrics", self.source.place, self.url)
        server = _Server(
            uvicorn.Config(
                self._api().app(),
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=1,
            )
        )
        try:
            server.run(sockets=[self._socket])
        finally:
            self.stop()

    def status(self) -> dict[str, Any]:
        """What `/v1/status` tells."""
        settings = self.settings.model_dump(mode="json")
        settings["http"]["token"] = None
        return {
            "version": sidecar.__version__,
            "url": self.url,
            "uptime_seconds": round(time.time() - self._started, 1),
            **self.source.summary(),
            "sinks": [
                {"name": runner.sink.name, "state": runner.state, "error": runner.error}
                for runner in self.runners
            ],
            **self._summaries(),
            "intake": self.metrics.snapshot(),
            "settings": settings,
        }

    def _summaries(self) -> dict[str, Any]:
        """What sinks tell beyond how they are."""
        found = ((runner.sink.name, runner.sink.summary()) for runner in self.runners)
        return {name: summary for name, summary in found if summary is not None}

    def _runner(self, sink: Sink) -> SinkRunner:
        return SinkRunner(sink, self.metrics, max_batches=self.settings.daemon.sink_queue)

    def _api(self) -> Api:
        return Api(
            page=self.page,
            sampling=self.source.sampling,
            archive=self._archive,
            status=self.status,
            alive=lambda: self.source.alive,
            ready=lambda: self.source.alive and not self._stopping,
            token=self._token,
        )

    def stop(self) -> None:
        """Take in what has arrived, write it, close; within `daemon.stop_seconds`."""
        self._stopping = True
        start, limit = time.monotonic(), self.settings.daemon.stop_seconds
        self.source.stop(start + DRAIN_SHARE * limit)
        for runner in self.runners:
            runner.finish(start + WRITE_SHARE * limit)
        for runner in self.runners:
            runner.join(start + limit)
        self._socket.close()
        log.info("stopped after %.1f s", time.monotonic() - start)


def use_lean_memory() -> None:
    """Let all threads share one heap: batches pass between them, and each heap keeps what it freed.

    Arrow's own pools keep some 100 MB more. Call before other threads start.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    with suppress(AttributeError, OSError):  # only glibc has several heaps to choose from
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def serve(settings: Settings, role: Role = REPLICA) -> int:
    """Run a daemon; the exit code is 0 after a clean stop and 1 when it could not start."""
    use_lean_memory()
    logging.basicConfig(
        level=settings.daemon.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    try:
        daemon = Daemon(settings, role)
    except (AddressError, MissingLibrary, Unusable, calibration.CalibrationError) as error:
        log.error("cannot start: %s", error)
        return 1
    daemon.run()
    return 0


class _Server(uvicorn.Server):
    """Stops on a signal without sending it to itself again afterwards."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        def stop(_number: int, _frame: FrameType | None) -> None:
            self.should_exit = True

        numbers = (signal.SIGTERM, signal.SIGINT)
        before = [signal.signal(number, stop) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)
