"""Which heads retrieve: the token they look at most lies in a document and is the one emitted."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sidecar.signals.masses import CONTEXT, Float32, Rows, alike, role_masks
from sidecar.signals.rows import Lists, lists, offsets, scalars

_ROW = np.int64(1) << 32
"""What a row's positions are moved by, so that those of all rows are in one order."""


@dataclass(frozen=True)
class Segments:
    """Where the segments of a batch end; one item for each segment."""

    ends: NDArray[np.int64]
    row: Rows
    is_context: NDArray[np.bool_]

    @classmethod
    def of(cls, batch: pa.RecordBatch, row: Rows, is_context: NDArray[np.bool_]) -> "Segments":
        """``row`` and ``is_context`` tell of each segment whose it is and whether a document's."""
        return cls(lists(batch, "segment_end").flat() + row * _ROW, row, is_context)

    def in_document(self, rows: Rows, positions: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Whether ``positions [rows, heads]`` of these rows lie in a document."""
        keys = positions + rows[:, None] * _ROW
        segment = np.minimum(np.searchsorted(self.ends, keys, side="right"), len(self.ends) - 1)
        inside: NDArray[np.bool_] = self.is_context[segment]
        inside &= (self.row[segment] == rows[:, None]) & (positions >= 0)
        return inside


def retrieved(batch: pa.RecordBatch) -> Iterator[tuple[Rows, Float32]]:
    """Rows of one shape, and ``[rows, layer, head]``: 1 where a head retrieves, else 0.

    NaN where the sample does not say what was copied. Needs the columns `layers`, `heads`,
    `argmax`, `copied` and those of the segments, of samples that `compute` has taken.
    """
    count = np.diff(offsets(batch, "segment_role"))
    row = np.repeat(np.arange(len(batch)), count)
    segments = Segments.of(batch, row, role_masks(batch)[:, CONTEXT] > 0)
    layers = np.diff(offsets(batch, "layers"))
    heads = scalars(batch, "heads").astype(np.int64)
    argmax, copied = lists(batch, "argmax"), lists(batch, "copied")
    for rows in alike(layers, heads):
        shape = (len(rows), int(layers[rows[0]]), int(heads[rows[0]]))
        size = shape[1] * shape[2]
        inside = segments.in_document(rows, argmax.rows(rows, size))
        yield rows, (copied_or_nan(copied, rows, size) * inside).reshape(shape)


def copied_or_nan(copied: Lists, rows: Rows, size: int) -> Float32:
    """``[rows, size]``: 1 and 0, NaN where the sample does not say."""
    known = copied.lengths[rows] == size
    if known.all():
        return copied.rows(rows, size).astype(np.float32)
    out = np.full((len(rows), size), np.nan, dtype=np.float32)
    if known.any():
        out[known] = copied.rows(rows[known], size)
    return out
