"""What the daemon counts about itself: `attention_sidecar_*`."""

from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics

import sidecar

disable_created_metrics()  # type: ignore[no-untyped-call]

ERRORS = (
    "ArithmeticError",
    "AttributeError",
    "LookupError",
    "MemoryError",
    "OSError",
    "RuntimeError",
    "TypeError",
    "ValueError",
    "Exception",
)
"""Kinds of unexpected errors; a few, so that each can be on the page before it happens."""


def begin(counter: Counter, values: Iterable[str], *before: str) -> None:
    """Have a counter at 0 for ``values`` of its last label, after those ``before`` it.

    A series that begins with its first event shows no increase: `rate` does not see that event.
    """
    for value in values:
        counter.labels(*before, value)


def kind_of(error: Exception) -> str:
    """The one of `ERRORS` that an error is most nearly.

    >>> kind_of(ZeroDivisionError())
    'ArithmeticError'
    """
    return next(base.__name__ for base in type(error).__mro__ if base.__name__ in ERRORS)


class OwnMetrics:
    """Counters and gauges of one daemon, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.described: list[Counter | Gauge] = []
        self.batches = self._counter("batches", "Sample messages received.")
        self.samples = self._counter("samples_received", "Samples received, before any check.")
        self.bad_messages = self._counter(
            "malformed_messages", "Messages that could not be read, by reason.", "reason"
        )
        self.bad_samples = self._counter(
            "malformed_samples", "Samples left out for contradicting themselves.", "reason"
        )
        self.uncalibrated = self._counter(
            "uncalibrated_samples",
            "Samples that no file of `heads.calibrations` fits, by what differs.",
            "reason",
        )
        self.unknown = self._counter("unknown_messages", "Messages of a kind unknown here.")
        self.internal = self._counter(
            "internal_errors", "Samples lost to an unexpected error of the daemon.", "type"
        )
        self.missing = self._counter(
            "missing_samples",
            "Samples that did not come when due, by gaps in sequence numbers; some come late.",
            "engine",
        )
        self.late = self._counter(
            "late_samples", "Samples that came after they were counted as missing.", "engine"
        )
        self.duplicates = self._counter(
            "duplicate_samples", "Samples that came again, and were left out.", "engine"
        )
        self.unseen = self._counter(
            "unseen_samples",
            "Samples numbered below the first this daemon saw: an earlier one had them, or none.",
            "engine",
        )
        self.restarts = self._counter(
            "engine_restarts", "Engine processes that took the place of another.", "engine"
        )
        self.streams = self._gauge("streams", "Engine processes whose numbering is followed.")
        self.forgotten = self._counter("streams_forgotten", "Streams forgotten for lack of room.")
        self.stage_seconds = self._counter("intake_seconds", "Time spent by the intake.", "stage")
        self.queue_batches = self._gauge("queue_batches", "Batches waiting for a sink.", "sink")
        self.queue_bytes = self._gauge("queue_bytes", "Bytes waiting for a sink.", "sink")
        self.written = self._counter(
            "written_samples", "Samples a sink has taken for good.", "sink"
        )
        self.dropped = self._counter(
            "dropped_samples", "Samples a sink did not get, by reason.", "sink", "reason"
        )
        self.retries = self._counter("sink_retries", "Writes that had to be repeated.", "sink")
        self.sink_up = self._gauge("sink_up", "1 while a sink works, 0 while it fails.", "sink")
        self.overflow = self._counter(
            "label_overflow",
            "Samples, or values of layers and heads, counted under `other` for lack of room.",
            "label",
        )
        self._gauge("build_info", "Version of the daemon.", "version").labels(
            sidecar.__version__
        ).set(1)
        self._gauge("start_time_seconds", "When the daemon started.").set_to_current_time()

    def _counter(self, name: str, doc: str, *labels: str) -> Counter:
        counter = Counter(f"attention_sidecar_{name}", doc, labels, registry=self.registry)
        self.described.append(counter)
        return counter

    def _gauge(self, name: str, doc: str, *labels: str) -> Gauge:
        gauge = Gauge(f"attention_sidecar_{name}", doc, labels, registry=self.registry)
        self.described.append(gauge)
        return gauge

    def snapshot(self) -> dict[str, Any]:
        """Values by name without the prefix; those with labels as lists of objects."""
        values: dict[str, Any] = {}
        for family in self.registry.collect():
            for sample in family.samples:
                name = sample.name.removeprefix("attention_sidecar_")
                if sample.labels:
                    values.setdefault(name, []).append({**sample.labels, "value": sample.value})
                else:
                    values[name] = sample.value
        return values
