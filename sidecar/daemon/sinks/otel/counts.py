"""What became of requests, events, spans and histograms: `attention_sidecar_otel_*`."""

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from sidecar.daemon.sinks.otel.outbox import Outbox

PREFIX = "attention_sidecar_otel_"


def of_requests(ended: Mapping[str, int], unsampled: int, following: int) -> Iterator[Metric]:
    """Requests by how their end was known, those that are not to be traced, and those followed."""
    doc = "Requests taken to be over: quiet for long enough, cut for lack of room, or stopping."
    yield _family(CounterMetricFamily, "requests", doc, ended, "end")
    doc = "Requests of which nothing was sent: their callers chose not to record the trace."
    yield CounterMetricFamily(f"{PREFIX}unsampled_requests", doc, value=unsampled)
    doc = "Requests that may have further samples."
    yield GaugeMetricFamily(f"{PREFIX}open_requests", doc, value=following)


def of_outboxes(outboxes: Mapping[str, Outbox]) -> Iterator[Metric]:
    """Items by kind: sent, waiting, and dropped by reason."""
    sent = {kind: outbox.sent for kind, outbox in outboxes.items()}
    doc = "Events, spans and exports of histograms that the collector took."
    yield _family(CounterMetricFamily, "sent", doc, sent, "kind")
    waiting = {kind: outbox.waiting for kind, outbox in outboxes.items()}
    doc = "Events, spans and exports of histograms that wait for the collector."
    yield _family(GaugeMetricFamily, "waiting", doc, waiting, "kind")
    dropped = {
        (kind, reason): count
        for kind, outbox in outboxes.items()
        for reason, count in outbox.dropped.items()
    }
    doc = "Events, spans and exports of histograms that were lost, by reason."
    yield _family(CounterMetricFamily, "dropped", doc, dropped, "kind", "reason")


def _family(
    kind: type[Any], name: str, doc: str, values: Mapping[Any, int], *labels: str
) -> Metric:
    family = kind(PREFIX + name, doc, labels=labels)
    for key, value in values.items():
        family.add_metric((key,) if isinstance(key, str) else key, value)
    return family  # type: ignore[no-any-return]
