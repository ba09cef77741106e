"""Histograms of values in [0, 1], counted a batch at a time with numpy."""

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.samples import Exemplar

from sidecar.daemon.labels import OTHER
from sidecar.signals import numbers

BOUNDS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
"""Upper bounds of the buckets of every histogram; `+Inf` follows."""

EDGES = np.array(BOUNDS)
BUCKETS = len(BOUNDS) + 1
EDGE_NAMES = [*(repr(bound) for bound in BOUNDS), "+Inf"]

MAX_SERIES = 8192
"""Sets of label values that are kept apart; one more, `other`, has all further ones."""
TRACE_ID = re.compile("[0-9a-f]{32}")

Labels = tuple[str, ...]


class Histograms:
    """One histogram for each of several names and every set of label values."""

    def __init__(self, names: Sequence[str], overflow: Callable[[int], object]) -> None:
        """``overflow`` is told how many values went to `other`."""
        self.names = tuple(names)
        self._overflow = overflow
        self._places: dict[Labels, int] = {}
        self._counts = np.zeros((0, len(self.names), BUCKETS), dtype=np.int64)
        self._sums = np.zeros((0, len(self.names)))
        self._unmeasured = np.zeros((0, len(self.names)), dtype=np.int64)
        self._exemplars: dict[int, tuple[str, float, float]] = {}

    def place(self, labels: Labels, values: int = 1) -> int:
        """Where ``values`` with these labels count: their series, or `other` for lack of room."""
        known = self._places.get(labels)
        if known is not None:
            return known
        if len(self._places) >= MAX_SERIES:
            self._overflow(values)
            labels = (OTHER,) * len(labels)
        return self._added(labels)

    def observe(self, places: NDArray[np.intp], values: NDArray[np.float32]) -> None:
        """Count ``values [rows, names]`` in the series ``places [rows]``; NaN is unmeasured."""
        self._tally(self._cells(places, values), values)

    def observe_traced(
        self,
        places: NDArray[np.intp],
        values: NDArray[np.float32],
        traces: pa.Array,
        time: float,
    ) -> None:
        """The same, and keep the last trace id of each bucket as its exemplar."""
        cells = self._cells(places, values)
        self._tally(cells, values)
        traced = numbers(traces.is_valid()) > 0
        rows, names = np.nonzero(~np.isnan(values) & traced[:, None])
        found = cells[rows, names][::-1]
        kept, first = np.unique(found, return_index=True)
        last = len(found) - 1 - first
        ids = {row: traces[row].as_py() for row in np.unique(rows[last]).tolist()}
        measured = values[rows[last], names[last]].tolist()
        for cell, row, value in zip(kept.tolist(), rows[last].tolist(), measured, strict=True):
            if TRACE_ID.fullmatch(ids[row]):
                self._exemplars[cell] = (ids[row], value, time)

    def families(
        self, prefix: str, docs: dict[str, str], labels: Sequence[str]
    ) -> Iterator[HistogramMetricFamily]:
        """A family for each name, called ``prefix + name``."""
        totals = np.cumsum(self._counts, axis=2)
        for index, name in enumerate(self.names):
            family = HistogramMetricFamily(prefix + name, docs[name], labels=labels)
            for values, place in list(self._places.items()):
                counts = totals[place, index].tolist()
                if counts[-1]:
                    family.add_metric(
                        values, self._buckets(place, index, counts), float(self._sums[place, index])
                    )
            yield family

    def unmeasured(self) -> Iterator[tuple[Labels, str, int]]:
        """Label values, name and number of the values that were NaN."""
        for labels, place in list(self._places.items()):
            for index, name in enumerate(self.names):
                yield labels, name, int(self._unmeasured[place, index])

    def _added(self, labels: Labels) -> int:
        place = self._places.setdefault(labels, len(self._places))
        if place >= len(self._counts):
            self._grow(max(2 * (place + 1), 16))
        return place

    def _buckets(
        self, place: int, index: int, counts: list[int]
    ) -> list[tuple[str, float] | tuple[str, float, Exemplar]]:
        buckets: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
        for bucket, (edge, count) in enumerate(zip(EDGE_NAMES, counts, strict=True)):
            found = self._exemplars.get((place * len(self.names) + index) * BUCKETS + bucket)
            if found is None:
                buckets.append((edge, count))
            else:
                trace, value, time = found
                buckets.append((edge, count, Exemplar({"trace_id": trace}, value, time)))
        return buckets

    def _cells(self, places: NDArray[np.intp], values: NDArray[np.float32]) -> NDArray[np.intp]:
        """``[rows, names]``: flat index of the bucket that each value falls into."""
        series = places[:, None] * len(self.names) + np.arange(len(self.names))
        return series * BUCKETS + np.searchsorted(EDGES, values)

    def _tally(self, cells: NDArray[np.intp], values: NDArray[np.float32]) -> None:
        measured = ~np.isnan(values)
        found, known = cells[measured], values[measured]
        size = len(self._places) * len(self.names)
        self._counts.reshape(-1)[: size * BUCKETS] += np.bincount(found, minlength=size * BUCKETS)
        self._sums.reshape(-1)[:size] += np.bincount(found // BUCKETS, known, size)
        missing = cells[~measured] // BUCKETS
        self._unmeasured.reshape(-1)[:size] += np.bincount(missing, minlength=size)

    def _grow(self, series: int) -> None:
        more = series - len(self._counts)
        self._counts, self._sums, self._unmeasured = (
            np.concatenate((array, np.zeros((more, *array.shape[1:]), dtype=array.dtype)))
            for array in (self._counts, self._sums, self._unmeasured)
        )
