"""What a sink is."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import pyarrow as pa
from prometheus_client.metrics_core import Metric

if TYPE_CHECKING:
    from sidecar.daemon.sinks.runner import SinkRunner
    from sidecar.drift import Alert


class Retryable(Exception):
    """A write failed and may succeed after ``delay`` seconds."""

    def __init__(self, message: str, delay: float = 1.0) -> None:
        super().__init__(message)
        self.delay = delay


class Final(Exception):
    """A write failed, and would fail again."""


@runtime_checkable
class AlertTarget(Protocol):
    """A sink, or a part of one, that passes alerts of drift on."""

    name: str

    def tell(self, alert: "Alert") -> None:
        """Take an alert for good; called from another sink's thread, so it does not wait.

        Raises Retryable when that must be tried again later, anything else when it never will.
        """


class Unusable(Exception):
    """A sink cannot start; the message names the setting and says what would be right."""


class Sink(ABC):
    """Takes batches of `schema.RECORD`, all calls from one thread. Delivery is at least once."""

    name: str

    def meet(self, others: Mapping[str, "SinkRunner"]) -> None:  # noqa: B027 - may do nothing
        """Know all sinks by name, this one included; called once, before any starts."""

    def start(self) -> None:  # noqa: B027 - may do nothing
        """Open what is needed; raises Unusable, or anything, when that must be tried again."""

    @abstractmethod
    def write(self, batch: pa.RecordBatch) -> None:
        """Take a batch as a whole, or raise Retryable or Final and take nothing."""

    def tick(self, now: float) -> None:  # noqa: B027 - may do nothing
        """Called about every second; ``now`` in seconds since the epoch."""

    def fault(self) -> str:
        """What is wrong although writes succeed; empty when nothing is."""
        return ""

    def collect(self) -> Iterable[Metric]:
        """The sink's own metrics, from any thread."""
        return ()

    def summary(self) -> dict[str, Any] | None:
        """What `/v1/status` tells under the sink's name, from any thread; None is nothing."""
        return None

    def flush(self) -> None:  # noqa: B027 - may do nothing
        """Let readers see what was written; raises what keeps it from them."""

    def stop(self, deadline: float) -> None:  # noqa: B027 - may do nothing
        """Flush and close until ``deadline`` on the monotonic clock."""
