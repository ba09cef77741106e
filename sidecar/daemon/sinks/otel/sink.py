"""Sends events, outlier spans and histograms to an OpenTelemetry collector."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
from prometheus_client.metrics_core import Metric

from sidecar.config import Metrics, Otel
from sidecar.daemon.sinks.base import Retryable, Sink
from sidecar.daemon.sinks.otel import counts, messages
from sidecar.daemon.sinks.otel.exporters import exporters
from sidecar.daemon.sinks.otel.histograms import Histograms
from sidecar.daemon.sinks.otel.origin import Origins
from sidecar.daemon.sinks.otel.outbox import Outbox
from sidecar.daemon.sinks.otel.outliers import Outliers
from sidecar.daemon.sinks.otel.requests import OpenRequests, Request

if TYPE_CHECKING:
    from sidecar.drift import Alert

MAX_EXPORTS = 4
"""Exports of histograms that may wait; they hold totals, so a later one makes up for a lost one."""
DRIFT = "drift"
"""Stands for the engine in the resource of an alert, which is of no engine alone."""
ENDS = ("quiet", "cut", "stopping")


class OtelSink(Sink):
    """Follows requests, and sends what their attention was when they are over."""

    name = "otel"

    def __init__(self, settings: Otel, metrics: Metrics) -> None:
        self._settings = settings
        origins = Origins(settings)
        self._resource = origins.of
        self._requests = OpenRequests(settings)
        self._outliers = Outliers(settings.outliers)
        self._histograms = Histograms(settings.tags, metrics.label_values, origins)
        self._next_export = time.monotonic() + settings.metrics_seconds
        self._outboxes: dict[str, Outbox] = {}
        self._ended = Counter(dict.fromkeys(ENDS, 0))
        self._unsampled = 0
        self._stopped = False

    def fault(self) -> str:
        """What the collector does not take."""
        failing = [name for name, outbox in self._outboxes.items() if outbox.failing]
        where = self._settings.endpoint
        return f"{where} does not take {' and '.join(failing)}; the log says why" if failing else ""

    def start(self) -> None:
        """Make the exporters; they connect when they have something to send."""
        self._outboxes = {
            kind: Outbox(kind, exporter, limit=self._limit(kind))
            for kind, exporter in exporters(self._settings).items()
        }

    def write(self, batch: pa.RecordBatch) -> None:
        """Take in a batch of `schema.RECORD`."""
        self._requests.add(batch)
        if self._settings.metrics:
            self._histograms.record(batch)
        self._send(self._requests.beyond(), "cut")

    def tick(self, now: float) -> None:  # noqa: ARG002 - durations are monotonic
        """Send the requests that are over, and the histograms when it is time."""
        self._send(self._requests.quiet(), "quiet")
        if self._settings.metrics and time.monotonic() >= self._next_export:
            self._next_export = time.monotonic() + self._settings.metrics_seconds
            self._export_metrics()

    def tell(self, alert: "Alert") -> None:
        """Send an alert as an event. Raises Retryable before the start and after the end."""
        if self._stopped or not self._outboxes:
            raise Retryable("the exporters do not run")
        self._outboxes["events"].put(messages.drift_alert(alert, self._resource(DRIFT)))

    def stop(self, deadline: float) -> None:
        """Send everything until ``deadline``; what is left then is lost and counted."""
        self._stopped = True
        self._send(self._requests.all(), "stopping")
        if self._settings.metrics:
            self._export_metrics()
        for outbox in self._outboxes.values():
            outbox.finish()
        for outbox in self._outboxes.values():
            outbox.join(deadline)

    def collect(self) -> Iterator[Metric]:
        """`attention_sidecar_otel_*`."""
        yield from counts.of_requests(self._ended, self._unsampled, len(self._requests))
        yield from counts.of_outboxes(self._outboxes)

    def _limit(self, kind: str) -> int:
        return MAX_EXPORTS if kind == "metrics" else self._settings.queue

    def _send(self, requests: Iterable[Request], end: str) -> None:
        for request in requests:
            self._ended[end] += 1
            self._send_one(request)

    def _send_one(self, request: Request) -> None:
        """Its events and its span, unless the caller chose not to record its trace."""
        context = messages.caller(request.traceparent)
        traced = messages.span_context(context)
        if traced.is_valid and not traced.trace_flags.sampled:
            self._unsampled += 1
            return
        resource = self._resource(request.engine)
        if self._settings.events:
            for event in messages.events(request, context, resource):
                self._outboxes["events"].put(event)
        met = self._outliers.met({name: mean for name, mean, _ in request.means()})
        if met and traced.is_valid:
            self._outboxes["spans"].put(messages.span(request, met, context, resource))

    def _export_metrics(self) -> None:
        for data in self._histograms.collect():
            self._outboxes["metrics"].put(data)
