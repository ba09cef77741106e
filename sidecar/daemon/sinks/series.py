"""Which series a sample belongs to: label values, bounded in number."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sidecar.daemon.labels import OTHER, Cap
from sidecar.signals import numbers

OWN_LABELS = ("model_name", "engine")
RESERVED = {*OWN_LABELS, "rank", "layer", "head", "signal", "le", "quantile", "reason"}
MAX_COMBINATIONS = 1000
"""Sets of label values; further ones have `other` for every tag."""

Labels = tuple[str, ...]


def label_name(tag: str) -> str:
    """The Prometheus label for a tag."""
    return f"tag_{tag}" if tag in RESERVED or tag.startswith("__") else tag


class SeriesLabels:
    """Label values of a batch's rows."""

    def __init__(
        self, tags: Sequence[str], limit: int, overflow: Callable[[str, int], object]
    ) -> None:
        """``overflow`` is told the label and how many samples have `other` for lack of room."""
        self.tags = tuple(dict.fromkeys(tags))
        self.names = (*OWN_LABELS, *map(label_name, self.tags))
        self._overflow = overflow
        self._caps = [Cap(limit) for _ in self.names]
        self._known: set[Labels] = set()

    def of(self, batch: pa.RecordBatch) -> tuple[list[Labels], NDArray[np.intp]]:
        """The sets of label values in this batch, and which ``[rows]`` each row has."""
        columns = [batch.column(name) for name in OWN_LABELS]
        columns += [_tag(batch, tag) for tag in self.tags]
        encoded = [pc.dictionary_encode(column, null_encoding="encode") for column in columns]
        code = np.zeros(len(batch), dtype=np.int64)
        for column in encoded:
            code = code * len(column.dictionary) + numbers(column.indices)
        _, first, which, counts = np.unique(
            code, return_index=True, return_inverse=True, return_counts=True
        )
        raw = [tuple(column[int(row)].as_py() for column in columns) for row in first]
        return [self._capped(*pair) for pair in zip(raw, counts.tolist(), strict=True)], which

    def _capped(self, raw: tuple[str | None, ...], samples: int) -> Labels:
        values = tuple(cap(value) for cap, value in zip(self._caps, raw, strict=True))
        if values not in self._known and len(self._known) >= MAX_COMBINATIONS:
            values = (*values[: len(OWN_LABELS)], *[OTHER] * len(self.tags))
        self._known.add(values)
        for name, value, given in zip(self.names, values, raw, strict=True):
            if value == OTHER and given != OTHER:
                self._overflow(name, samples)
        return values


def _tag(batch: pa.RecordBatch, tag: str) -> pa.Array:
    if tag == "route":
        return batch.column("route")
    return pc.map_lookup(batch.column("tags"), query_key=pa.scalar(tag), occurrence="first")
