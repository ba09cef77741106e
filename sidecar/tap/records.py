"""Samples as the tap makes them, and the Arrow batches they travel in."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from sidecar import schema


@dataclass(frozen=True)
class Sample:
    """One sampled step: scalar and list columns by name, and per-head arrays by name.

    Arrays are flattened in the order that `schema.HEADS` documents.
    """

    values: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return sum(array.nbytes for array in self.arrays.values())


def to_batch(samples: list[Sample]) -> pa.RecordBatch:
    """One `schema.WIRE` batch of the samples, in their order."""
    columns = [_column(field, samples) for field in schema.WIRE]
    return pa.RecordBatch.from_arrays(columns, schema=schema.WIRE)


_ARRAYS = frozenset(field.name for field in schema.HEADS)


def _column(field: pa.Field, samples: list[Sample]) -> pa.Array:
    if field.name not in _ARRAYS:
        return pa.array([sample.values[field.name] for sample in samples], field.type)
    parts = [sample.arrays[field.name] for sample in samples]
    offsets = np.zeros(len(parts) + 1, np.int32)
    np.cumsum([len(part) for part in parts], out=offsets[1:])
    flat = pa.array(np.concatenate(parts), field.type.value_type)
    return pa.ListArray.from_arrays(pa.array(offsets), flat, type=field.type)
