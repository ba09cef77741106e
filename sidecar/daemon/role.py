"""What makes a process the daemon of a replica, or the monitor of a fleet."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from prometheus_client.metrics_core import Metric

from sidecar.config import Settings
from sidecar.daemon.own import OwnMetrics
from sidecar.daemon.sampling import SamplingControl
from sidecar.daemon.sinks.base import Sink
from sidecar.daemon.sinks.runner import SinkRunner


class Source(Protocol):
    """Where samples come from; it has a thread of its own."""

    @property
    def name(self) -> str:
        """Of its collector on the metrics page."""

    @property
    def place(self) -> str:
        """Where it takes samples in, for the log."""

    @property
    def sampling(self) -> SamplingControl | None:
        """The settings that it announces to taps; None when it has no taps."""

    @property
    def alive(self) -> bool:
        """The thread is running."""

    def start(self) -> None:
        """Start the thread; the sinks' threads run."""

    def stop(self, deadline: float) -> None:
        """Hand what was taken in to the sinks until ``deadline`` (monotonic), then close."""

    def collect(self) -> Iterable[Metric]:
        """Its own metrics, from any thread."""

    def summary(self) -> dict[str, Any]:
        """What `/v1/status` tells of it, from any thread; `taps` is always there."""


@dataclass(frozen=True)
class Role:
    """How sinks and source are built. Either may raise what `service.Daemon` names."""

    sinks: Callable[[Settings, OwnMetrics], dict[str, Sink]]
    """By their names on the metrics page."""
    source: Callable[[Settings, Mapping[str, SinkRunner], OwnMetrics], Source]
