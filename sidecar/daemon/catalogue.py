"""Every metric the daemon can publish, for the documentation."""

from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client.metrics_core import Metric

from sidecar import config
from sidecar.daemon.consumers.progress import Progress
from sidecar.daemon.consumers.progress import families as fleet
from sidecar.daemon.own import OwnMetrics
from sidecar.daemon.page import Page
from sidecar.daemon.sinks.archive import ArchiveSink
from sidecar.daemon.sinks.drift.page import without_streams as drift
from sidecar.daemon.sinks.kafka import KafkaSink
from sidecar.daemon.sinks.otel import OtelSink
from sidecar.daemon.sinks.prometheus import PrometheusSink
from sidecar.daemon.taps import Taps


class Described(NamedTuple):
    """One metric as it is on the page."""

    name: str
    kind: str
    labels: tuple[str, ...]
    doc: str


def metrics() -> Iterator[Described]:
    """All metrics, with per-head series and the default labels."""
    own = OwnMetrics()
    sink = PrometheusSink(config.Metrics(per_head=True), own)
    yield from map(_family, sink.collect())
    yield from map(_family, Taps().collect())
    for metric in own.described:
        [family] = metric.describe()
        yield Described(_name(family), family.type, metric._labelnames, family.documentation)
    yield from map(_family, ArchiveSink(config.Archive()).collect())
    yield from map(_family, OtelSink(config.Otel(), config.Metrics()).collect())
    yield from map(_family, KafkaSink(config.Kafka(), own).collect())
    yield from map(_family, drift())
    yield from map(_family, fleet(Progress()))
    yield from map(_family, Page({}).collect())


def _family(family: Metric) -> Described:
    labels = tuple(vars(family)["_labelnames"])
    return Described(_name(family), family.type, labels, family.documentation)


def _name(family: Metric) -> str:
    suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
    return family.name + suffix
