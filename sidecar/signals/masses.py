"""Reduces masses per segment to masses per role: the only pass over the large array."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sidecar.signals.rows import Lists, Shapes, lists, numbers, offsets

Rows = NDArray[np.intp]
Float32 = NDArray[np.float32]

SINK, OUTSIDE, CONTEXT, GENERATED = range(4)
"""Columns of a role mask; `OUTSIDE` is every role but the sink."""


@dataclass(frozen=True)
class Group:
    """Samples with the same tapped layers and heads."""

    rows: Rows
    layers: int
    heads: int
    by_role: Float32
    """``[role, rows, layer * head]``, roles in the order of the columns above."""


@dataclass(frozen=True)
class Masses:
    """Masses by role and head, and by segment as the mean over heads."""

    groups: list[Group]
    by_segment: Float32
    """One item for each segment of the batch."""


def role_masks(batch: pa.RecordBatch) -> Float32:
    """``[segments of the batch, 4]``: 1 where a segment has the column's role."""
    bounds = offsets(batch, "segment_role")
    roles = batch.column("segment_role").values[bounds[0] : bounds[-1]]
    codes = pc.dictionary_encode(roles)
    table = [
        (role == "sink", role != "sink", role == "context", role == "generated")
        for role in codes.dictionary.to_pylist()
    ]
    masks: Float32 = np.array(table, dtype=np.float32).reshape(-1, 4)[numbers(codes.indices)]
    return masks


def reduce(batch: pa.RecordBatch, shapes: Shapes, masks: Float32) -> Masses:
    """Sum each head's masses by role; ``masks`` as from `role_masks`."""
    mass = lists(batch, "mass")
    first = np.concatenate(([0], np.cumsum(shapes.segments)))
    segment_masks = Lists(first * masks.shape[1], masks.reshape(-1))
    by_segment = np.empty(len(masks), dtype=np.float32)
    groups = []
    for rows in alike(shapes.layers, shapes.heads):
        layers, heads = int(shapes.layers[rows[0]]), int(shapes.heads[rows[0]])
        by_role = np.empty((4, len(rows), layers * heads), dtype=np.float32)
        for part in alike(shapes.segments[rows]):
            these, segments = rows[part], int(shapes.segments[rows[part[0]]])
            weights = mass.rows(these, layers * heads * segments)
            weights = weights.reshape(len(these), layers * heads, segments)
            mask = segment_masks.rows(these, segments * 4).reshape(len(these), segments, 4)
            by_role[:, part] = np.moveaxis(weights @ mask, -1, 0)
            by_segment[first[these][:, None] + np.arange(segments)] = _head_mean(weights)
        groups.append(Group(rows, layers, heads, by_role))
    return Masses(groups, by_segment)


def alike(*keys: NDArray[np.int64]) -> list[Rows]:
    """Row numbers, ascending, grouped by equal keys."""
    rows = len(keys[0])
    if all((key == key[0]).all() for key in keys):
        return [np.arange(rows)]
    _, group = np.unique(np.stack(keys), axis=1, return_inverse=True)
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1)


def _head_mean(weights: Float32) -> Float32:
    heads = weights.shape[1]
    mean: Float32 = np.full((1, heads), 1 / heads, dtype=np.float32) @ weights
    return mean[:, 0]
