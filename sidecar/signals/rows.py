"""Reads the columns of a batch as flat numpy arrays, and refuses rows that cannot be right."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

KINDS: dict[pa.DataType, np.dtype[Any]] = {
    pa.uint8(): np.dtype(np.uint8),
    pa.int16(): np.dtype(np.int16),
    pa.int32(): np.dtype(np.int32),
    pa.int64(): np.dtype(np.int64),
    pa.float32(): np.dtype(np.float32),
    pa.timestamp("us", tz="UTC"): np.dtype(np.int64),
}


class BadRows(ValueError):
    """Rows whose content contradicts itself; the message names the first record.

    ``reasons`` maps row number to a reason out of a small fixed set.
    """

    def __init__(self, batch: pa.RecordBatch, reasons: dict[int, str]) -> None:
        row, reason = next(iter(reasons.items()))
        record = batch.column("record_id")[row].as_py()
        super().__init__(f"record {record!r}: {reason} ({len(reasons)} of {len(batch)} rows)")
        self.reasons = reasons


def require(batch: pa.RecordBatch, faults: Mapping[str, NDArray[np.bool_]]) -> None:
    """Raise BadRows if any of the ``[rows]`` masks, named by reason, has a row."""
    reasons = {int(row): reason for reason, bad in faults.items() for row in np.flatnonzero(bad)}
    if reasons:
        raise BadRows(batch, reasons)


@dataclass(frozen=True)
class Lists:
    """A list column: ``values[offsets[i]:offsets[i + 1]]`` is row i."""

    offsets: NDArray[np.int64]
    values: NDArray[Any]

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Items in each row."""
        return np.diff(self.offsets)

    def flat(self) -> NDArray[Any]:
        """The items of all rows."""
        return self.values[self.offsets[0] : self.offsets[-1]]

    def rows(self, rows: NDArray[np.intp], size: int) -> NDArray[Any]:
        """``[len(rows), size]``: ascending rows of that size; a view where they adjoin."""
        first, last = rows[0], rows[-1]
        if last - first + 1 == len(rows):
            flat = self.values[self.offsets[first] : self.offsets[last + 1]]
            return flat.reshape(len(rows), size)
        return self.values[self.offsets[rows][:, None] + np.arange(size)]


@dataclass(frozen=True)
class Shapes:
    """``[rows]`` each: how many layers, heads and segments a sample has."""

    layers: NDArray[np.int64]
    heads: NDArray[np.int64]
    segments: NDArray[np.int64]


def offsets(batch: pa.RecordBatch, name: str) -> NDArray[np.int64]:
    """``[rows + 1]`` offsets of a list column."""
    column = batch.column(name)
    return view(column, np.dtype(np.int32), len(column) + 1).astype(np.int64)


def lists(batch: pa.RecordBatch, name: str) -> Lists:
    """A list column of numbers, without a copy; booleans are unpacked."""
    return Lists(offsets(batch, name), numbers(batch.column(name).values))


def scalars(batch: pa.RecordBatch, name: str) -> NDArray[Any]:
    """A column of numbers."""
    return numbers(batch.column(name))


def numbers(array: pa.Array) -> NDArray[Any]:
    """An Arrow array of numbers or booleans; what is null is any number.

    Without a copy where there is none to be made, and without `to_numpy`, which loads pandas.
    """
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.uint8())
    return view(array, KINDS[array.type], len(array))


def floats(array: pa.Array) -> NDArray[np.float32]:
    """An Arrow array of float32, with NaN for null."""
    return numbers(array.fill_null(np.nan) if array.null_count else array)


def nullable(values: NDArray[np.float32]) -> pa.Array:
    """The opposite of `floats`: null for NaN. Like the next two it does not load pandas."""
    known = ~np.isnan(values)
    valid = pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.Array.from_buffers(pa.float32(), len(values), [valid, pa.py_buffer(values)])


def list_of(offsets: NDArray[np.int64], values: NDArray[np.float32]) -> pa.Array:
    """A list column of float32, as of `lists`."""
    items = pa.Array.from_buffers(pa.float32(), len(values), [None, pa.py_buffer(values)])
    bounds = pa.py_buffer(offsets.astype(np.int32))
    kind = pa.list_(pa.float32())
    return pa.Array.from_buffers(kind, len(offsets) - 1, [None, bounds], children=[items])


def only(batch: pa.RecordBatch, keep: NDArray[np.bool_]) -> pa.RecordBatch:
    """The rows for which ``keep [rows]`` is true."""
    if keep.all():
        return batch
    packed = pa.py_buffer(np.packbits(keep, bitorder="little"))
    return batch.filter(pa.Array.from_buffers(pa.bool_(), len(keep), [None, packed]))


def view(array: pa.Array, kind: np.dtype[Any], count: int) -> NDArray[Any]:
    """``count`` items of the second buffer: the values, or of a list the offsets."""
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(count, kind)
    return np.frombuffer(buffer, kind, count, array.offset * kind.itemsize)
