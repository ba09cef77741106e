"""Signals as Prometheus histograms: `attention_*`."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric

from sidecar import schema, signals
from sidecar.config import Metrics
from sidecar.daemon.own import OwnMetrics, begin
from sidecar.daemon.sinks.base import Sink
from sidecar.daemon.sinks.histograms import Histograms
from sidecar.daemon.sinks.series import OWN_LABELS, SeriesLabels

HEAD_SIGNALS = ("context_share",)
"""Signals that are published per head when that is asked for."""
DOCS = {name: schema.RECORD.field(name).metadata[b"doc"].decode() for name in schema.SIGNAL_NAMES}
LAYER_DOCS = {name: f"{doc} By layer, mean over its heads." for name, doc in DOCS.items()}
HEAD_DOCS = {name: f"{doc} By layer and head." for name, doc in DOCS.items()}
_NOT_SAMPLED = "^.{54}[02468ace]"
"""A `traceparent` whose lowest flag is 0."""


class PrometheusSink(Sink):
    """Counts signals; also the collector that publishes them."""

    name = "prometheus"

    def __init__(self, settings: Metrics, metrics: OwnMetrics) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        overflow = metrics.overflow
        self._labels = SeriesLabels(
            settings.labels,
            settings.label_values,
            lambda label, samples: overflow.labels(label).inc(samples),
        )
        begin(overflow, self._labels.names)
        self._samples: dict[tuple[str, ...], int] = {}
        self._scalar = Histograms(schema.SIGNAL_NAMES, overflow.labels("series").inc)
        self._layer = Histograms(schema.LAYER_SIGNAL_NAMES, overflow.labels("layer").inc)
        self._head = Histograms(HEAD_SIGNALS, overflow.labels("head").inc)

    def write(self, batch: pa.RecordBatch) -> None:
        """Count a batch."""
        labels, which = self._labels.of(batch)
        with self._lock:
            for values, count in zip(labels, np.bincount(which).tolist(), strict=True):
                self._samples[values] = self._samples.get(values, 0) + count
            self._count_scalars(batch, labels, which)
            if self._settings.per_layer:
                self._count_layers(batch, labels, which)
            if self._settings.per_head:
                self._count_heads(batch, labels, which)

    def collect(self) -> Iterator[Metric]:
        """`attention_*`."""
        names = self._labels.names
        with self._lock:
            yield self._sample_counts()
            yield from self._scalar.families("attention_", DOCS, names)
            yield self._unmeasured()
            own = OWN_LABELS
            if self._settings.per_layer:
                yield from self._layer.families("attention_layer_", LAYER_DOCS, (*own, "layer"))
            if self._settings.per_head:
                yield from self._head.families(
                    "attention_head_", HEAD_DOCS, (*own, "layer", "head")
                )

    def _count_scalars(
        self, batch: pa.RecordBatch, labels: list[tuple[str, ...]], which: NDArray[np.intp]
    ) -> None:
        counts = np.bincount(which).tolist()
        places = np.array([self._scalar.place(*pair) for pair in zip(labels, counts, strict=True)])
        columns = [signals.floats(batch.column(name)) for name in self._scalar.names]
        self._scalar.observe_traced(
            places[which], np.stack(columns, 1), _recorded_traces(batch), time.time()
        )

    def _count_layers(
        self, batch: pa.RecordBatch, labels: list[tuple[str, ...]], which: NDArray[np.intp]
    ) -> None:
        layers = batch.column("layers")
        owner = which[signals.numbers(pc.list_parent_indices(layers))]
        keys, inverse = _pairs(owner, signals.numbers(layers.flatten()))
        counts = np.bincount(inverse).tolist()
        places = [
            self._layer.place((*labels[row][:2], str(layer)), count)
            for (row, layer), count in zip(keys, counts, strict=True)
        ]
        columns = [batch.column(f"layer_{name}").flatten() for name in self._layer.names]
        values = np.stack([signals.floats(column) for column in columns], 1)
        self._layer.observe(np.array(places)[inverse], values)

    def _count_heads(
        self, batch: pa.RecordBatch, labels: list[tuple[str, ...]], which: NDArray[np.intp]
    ) -> None:
        layers = batch.column("layers")
        for rows, heads in signals.per_head(batch):
            shape = heads["context_share"].shape
            indices = np.stack([signals.numbers(layers[int(row)].values) for row in rows])
            places = np.empty(shape, dtype=np.intp)
            for row, layer, head in np.ndindex(*shape):
                own = labels[which[rows[row]]][:2]
                key = (*own, str(indices[row, layer]), str(head))
                places[row, layer, head] = self._head.place(key)
            values = np.stack([heads[name].reshape(-1) for name in HEAD_SIGNALS], 1)
            self._head.observe(places.reshape(-1), values)

    def _sample_counts(self) -> Metric:
        doc = "Samples with signals."
        family = CounterMetricFamily("attention_samples", doc, labels=self._labels.names)
        for labels, count in self._samples.items():
            family.add_metric(labels, count)
        return family

    def _unmeasured(self) -> Metric:
        family = CounterMetricFamily(
            "attention_unmeasured",
            "Samples for which a signal could not be measured; they are in no histogram.",
            labels=(*self._labels.names, "signal"),
        )
        for labels, signal, count in self._scalar.unmeasured():
            family.add_metric((*labels, signal), count)
        return family


def _recorded_traces(batch: pa.RecordBatch) -> pa.Array:
    """Trace ids, null where the `traceparent` says that nobody records the trace."""
    unrecorded = pc.match_substring_regex(batch.column("traceparent"), _NOT_SAMPLED)
    return pc.if_else(pc.fill_null(unrecorded, False), None, batch.column("trace_id"))


def _pairs(
    left: NDArray[np.intp], right: NDArray[np.int16]
) -> tuple[list[tuple[int, int]], NDArray[np.intp]]:
    """Distinct pairs, and which each position has."""
    code = left.astype(np.int64) * (1 << 16) + right
    distinct, inverse = np.unique(code, return_inverse=True)
    return [divmod(int(value), 1 << 16) for value in distinct], inverse
