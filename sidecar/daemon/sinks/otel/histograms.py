"""Signals as exponential histograms: one meter provider for each engine, none of them global."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from opentelemetry.metrics import Histogram
from opentelemetry.sdk.metrics import Histogram as HistogramKind
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

from sidecar import schema, signals
from sidecar.daemon.sinks.otel import conventions
from sidecar.daemon.sinks.otel.messages import caller
from sidecar.daemon.sinks.otel.origin import SCOPE, Origins
from sidecar.daemon.sinks.series import SeriesLabels

VIEW = View(instrument_type=HistogramKind, aggregation=ExponentialBucketHistogramAggregation())


class EngineHistograms:
    """The histograms of one engine."""

    def __init__(self, resource: Resource) -> None:
        self._reader = InMemoryMetricReader()
        provider = MeterProvider([self._reader], resource, shutdown_on_exit=False, views=[VIEW])
        meter = provider.get_meter(SCOPE.name, SCOPE.version)
        self.instruments: list[Histogram] = [
            meter.create_histogram(
                f"attention.{name}", "1", schema.RECORD.field(name).metadata[b"doc"].decode()
            )
            for name in schema.SIGNAL_NAMES
        ]

    def collect(self) -> MetricsData | None:
        """Totals since the start."""
        return self._reader.get_metrics_data()


class Histograms:
    """The histograms of all engines; label values are bounded as on the Prometheus page."""

    def __init__(self, tags: Sequence[str], label_values: int, origins: Origins) -> None:
        self._labels = SeriesLabels(tags, label_values, lambda _label, _samples: None)
        self._origins = origins
        self._engines: dict[str, EngineHistograms] = {}

    def record(self, batch: pa.RecordBatch) -> None:
        """Count a batch of `schema.RECORD`."""
        labels, which = self._labels.of(batch)
        series = [self._series(values) for values in labels]
        columns = [signals.floats(batch.column(name)) for name in schema.SIGNAL_NAMES]
        values = np.stack(columns, 1).astype(float)
        callers = [caller(header) for header in batch.column("traceparent").to_pylist()]
        for row, signal in np.argwhere(~np.isnan(values)).tolist():
            instruments, attributes = series[which[row]]
            instruments[signal].record(float(values[row, signal]), attributes, callers[row])

    def collect(self) -> list[MetricsData]:
        """Totals since the start, by engine."""
        found = [engine.collect() for engine in self._engines.values()]
        return [data for data in found if data is not None]

    def _series(self, labels: tuple[str, ...]) -> tuple[list[Histogram], dict[str, str]]:
        """The instruments and attributes that samples with these label values have."""
        model, engine, *tags = labels  # as `SeriesLabels.names`
        if engine not in self._engines:
            self._engines[engine] = EngineHistograms(self._origins.of(engine))
        attributes = {conventions.RESPONSE_MODEL: model, "attention.engine": engine}
        attributes |= {
            f"attention.tag.{tag}": value
            for tag, value in zip(self._labels.tags, tags, strict=True)
        }
        return self._engines[engine].instruments, attributes
