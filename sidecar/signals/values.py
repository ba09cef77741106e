"""What must hold of every sample before anything is computed from it."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sidecar.signals.masses import OUTSIDE, SINK, Masses
from sidecar.signals.rows import Shapes, lists, numbers, offsets, require, scalars

Flags = NDArray[np.bool_]

END_OF_TIME = 253_402_300_800_000_000
"""Microseconds to the year 10000, which no reader of the archive takes."""

PER_SEGMENT = ("mass", "peak")
PER_HEAD = ("argmax", "entropy", "square_sum", "self_weight", "previous_weight")
SEGMENT_COLUMNS = ("segment_source", "segment_start", "segment_end")
TOLERANCE = 1e-2
"""How far the masses of a head may be from summing to 1, and any weight outside [0, 1]."""

REASONS = ("null", "shape", "segments", "mass", "statistics", "time")
"""Why a row is refused, in the order in which it is looked at."""


def shapes_of(batch: pa.RecordBatch) -> Shapes:
    """The shapes that rows declare, once every list is known to be that long. Raises BadRows."""
    require(batch, {"null": null_rows(batch)})
    shapes = Shapes(
        layers=np.diff(offsets(batch, "layers")),
        heads=scalars(batch, "heads").astype(np.int64),
        segments=np.diff(offsets(batch, "segment_role")),
    )
    require(batch, {"shape": shape_faults(batch, shapes)})
    require(batch, {"segments": segment_faults(batch)})
    return shapes


def null_rows(batch: pa.RecordBatch) -> Flags:
    """A null where the schema allows none, in the row or inside its lists."""
    bad = np.zeros(len(batch), dtype=bool)
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if column.null_count and not field.nullable:
            bad |= numbers(column.is_null()) > 0
        if pa.types.is_list(field.type) and column.values.null_count:
            row = numbers(pc.list_parent_indices(column))
            bad[row[numbers(column.flatten().is_null()) > 0]] = True
    return bad


def shape_faults(batch: pa.RecordBatch, shapes: Shapes) -> Flags:
    """A list is not as long as layers, heads and segments say."""
    heads = shapes.layers * shapes.heads
    expected = dict.fromkeys(PER_HEAD, heads)
    expected |= dict.fromkeys(PER_SEGMENT, heads * shapes.segments)
    expected |= dict.fromkeys(SEGMENT_COLUMNS, shapes.segments)
    bad: Flags = (shapes.layers < 1) | (shapes.heads < 1) | (shapes.segments < 1)
    for name, size in expected.items():
        bad |= np.diff(offsets(batch, name)) != size
    copied = np.diff(offsets(batch, "copied"))
    bad |= (copied != heads) & (copied != 0)
    return bad


def segment_faults(batch: pa.RecordBatch) -> Flags:
    """Segments do not partition the positions ``0 .. context_length``."""
    start, end = lists(batch, "segment_start"), lists(batch, "segment_end")
    first = start.offsets[:-1] - start.offsets[0]
    starts, ends = start.flat(), end.flat()
    fine = ends >= starts
    joined = starts[1:] == ends[:-1]
    joined[first[1:] - 1] = True
    fine[1:] &= joined
    last = np.append(first[1:], len(ends)) - 1
    closed: Flags = (starts[first] == 0) & (ends[last] == scalars(batch, "context_length"))
    closed &= np.logical_and.reduceat(fine, first)
    return ~closed


def value_faults(batch: pa.RecordBatch, masses: Masses) -> dict[str, Flags]:
    """Masses that do not sum to 1, statistics that no distribution has; NaN is either.

    Only a single position has no previous one, and so no ``previous_weight``.
    """
    moment = scalars(batch, "time")
    length = np.maximum(scalars(batch, "context_length"), 1)
    statistics = _outside(batch, "entropy", np.log(length).astype(np.float32))
    ones = np.ones(len(batch), dtype=np.float32)
    for name in ("square_sum", "self_weight"):
        statistics |= _outside(batch, name, ones)
    undefined = (scalars(batch, "context_length") == 1) & _all_nan(batch, "previous_weight")
    statistics |= _outside(batch, "previous_weight", ones) & ~undefined
    return {
        "statistics": statistics,
        "mass": _mass_faults(batch, masses),
        "time": (moment < 0) | (moment >= END_OF_TIME),
    }


def _mass_faults(batch: pa.RecordBatch, masses: Masses) -> Flags:
    bad = _outside(batch, "mass", np.ones(len(batch), dtype=np.float32))
    for group in masses.groups:
        total = group.by_role[SINK] + group.by_role[OUTSIDE]
        highest, lowest = total.max(axis=1), total.min(axis=1)
        bad[group.rows] |= ~((highest <= 1 + TOLERANCE) & (lowest >= 1 - TOLERANCE))
    return bad


def _all_nan(batch: pa.RecordBatch, name: str) -> Flags:
    """Rows without a single number in a list."""
    column = lists(batch, name)
    first = column.offsets[:-1] - column.offsets[0]
    found: Flags = np.logical_and.reduceat(np.isnan(column.flat()), first)
    return found


def _outside(batch: pa.RecordBatch, name: str, limit: NDArray[np.float32]) -> Flags:
    """Rows with a value below 0 or above the row's limit, or NaN."""
    column = lists(batch, name)
    values = column.flat()
    if values.min() >= -TOLERANCE and values.max() <= limit.min() + TOLERANCE:
        return np.zeros(len(batch), dtype=bool)
    first = column.offsets[:-1] - column.offsets[0]
    lowest = np.minimum.reduceat(values, first)
    highest = np.maximum.reduceat(values, first)
    bad: Flags = (lowest >= -TOLERANCE) & (highest <= limit + TOLERANCE)
    return ~bad
