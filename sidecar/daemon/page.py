"""The Prometheus page: every collector guarded, so that one that fails never takes the page."""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

log = logging.getLogger(__name__)


class Collector(Protocol):
    """Gives metric families when asked."""

    def collect(self) -> Iterable[Metric]:
        """The families, with their samples."""


class Page:
    """Renders the metrics of several collectors."""

    def __init__(self, collectors: Mapping[str, Collector]) -> None:
        self._collectors = collectors
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def render(self, accept: str) -> tuple[bytes, str]:
        """Body and content type for this ``Accept`` header."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self._registry), content_type

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering does not collect."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All families, and how the collectors fared."""
        seconds = GaugeMetricFamily(
            "attention_sidecar_collector_seconds",
            "Time a collector took for this page.",
            labels=["collector"],
        )
        success = GaugeMetricFamily(
            "attention_sidecar_collector_success",
            "1 when a collector's metrics are on this page, 0 when it failed.",
            labels=["collector"],
        )
        for name, collector in self._collectors.items():
            start = time.perf_counter()
            families = _collected(name, collector)
            seconds.add_metric([name], time.perf_counter() - start)
            success.add_metric([name], float(families is not None))
            yield from families or ()
        yield seconds
        yield success


def _collected(name: str, collector: Collector) -> list[Metric] | None:
    try:
        return list(collector.collect())
    except Exception:
        log.exception("collector %s failed", name)
        return None
