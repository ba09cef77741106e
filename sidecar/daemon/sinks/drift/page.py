"""The sink's families without any stream, for the documentation."""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.metrics_core import Metric

from sidecar.daemon.sinks.drift import families, own
from sidecar.daemon.sinks.drift.alertmanager import Alertmanager
from sidecar.daemon.sinks.drift.book import Book
from sidecar.daemon.sinks.drift.store import Store


def without_streams() -> Iterator[Metric]:
    """All that a sink can publish."""
    labels = families.StreamLabels(1)
    yield from families.of_streams([], labels, 0.0)
    yield from families.of_alerts([], {}, labels)
    yield own.requests({})
    yield from own.collected(own.Counts(), Book(), Store(Path()), 0)
    yield from Alertmanager(()).collect()
