"""From per-head summaries to scalar signals: one pass of numpy over a batch of samples."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sidecar import schema
from sidecar.signals import formulas, masses
from sidecar.signals.documents import document_signals
from sidecar.signals.masses import Float32, Group, Masses, Rows
from sidecar.signals.rows import Lists, list_of, lists, nullable, offsets, require, scalars
from sidecar.signals.values import shapes_of, value_faults


@dataclass(frozen=True)
class Layout:
    """What the signals need besides per-head statistics; ``[rows]`` unless said otherwise."""

    masses: Masses
    segment_row: Rows
    """Row of each segment of the batch."""
    is_context: NDArray[np.bool_]
    """Whether each segment of the batch belongs to a document."""
    has_sink: NDArray[np.bool_]
    whole: NDArray[np.bool_]
    """There is a document, and none that was declared is missing."""
    generated_tokens: Float32
    context_length: Float32

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> "Layout":
        """Check the batch, reduce its masses. Raises BadRows."""
        shapes = shapes_of(batch)
        masks = masses.role_masks(batch)
        reduced = masses.reduce(batch, shapes, masks)
        require(batch, value_faults(batch, reduced))
        row = np.repeat(np.arange(len(batch)), shapes.segments)
        found, declared = (scalars(batch, f"documents_{k}") for k in ("found", "declared"))
        has_context = np.bincount(row, masks[:, masses.CONTEXT], len(batch)) > 0
        tokens = lists(batch, "segment_end").flat() - lists(batch, "segment_start").flat()
        generated = np.bincount(row, tokens * masks[:, masses.GENERATED], len(batch))
        return cls(
            masses=reduced,
            segment_row=row,
            is_context=masks[:, masses.CONTEXT] > 0,
            has_sink=np.bincount(row, masks[:, masses.SINK], len(batch)) > 0,
            whole=has_context & (found >= declared),
            generated_tokens=generated.astype(np.float32),
            context_length=scalars(batch, "context_length").astype(np.float32),
        )


def compute(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Add the signals to a batch of `schema.WIRE`; the result has `schema.RECORD`.

    A null is *not measured*. Raises BadRows, which lists the rows to leave out, when any row
    contradicts itself.
    """
    if not len(batch):
        return pa.RecordBatch.from_pylist([], schema=schema.RECORD)
    layout = Layout.of(batch)
    scalar = {name: _nans(len(batch)) for name in schema.SIGNAL_NAMES}
    starts = offsets(batch, "layers")
    starts -= starts[0]
    layered = {name: _nans(int(starts[-1])) for name in schema.LAYER_SIGNAL_NAMES}
    for group in layout.masses.groups:
        places = starts[group.rows][:, None] + np.arange(group.layers)
        for name, heads in _head_signals(batch, layout, group).items():
            sums, counts = _sums(heads.reshape(-1, group.layers, group.heads))
            layered[name][places] = _ratio(sums, counts)
            scalar[name][group.rows] = _ratio(sums.sum(axis=-1), counts.sum(axis=-1))
            if name == "context_share":
                scalar["context_gini"][group.rows] = formulas.context_gini(heads)
    for name, values in document_signals(
        batch, layout.masses.by_segment, layout.is_context, layout.segment_row
    ).items():
        scalar[name][:] = np.where(layout.whole, values, np.nan)
    return _record(batch, scalar, layered, starts)


def per_head(batch: pa.RecordBatch) -> Iterator[tuple[Rows, dict[str, Float32]]]:
    """The signals before any mean: rows of one shape, and ``[rows, layer, head]`` by name.

    Takes batches of `schema.WIRE` and `schema.RECORD`. NaN is *not measured*. Raises BadRows.
    """
    layout = Layout.of(batch)
    for group in layout.masses.groups:
        shape = (len(group.rows), group.layers, group.heads)
        heads = _head_signals(batch, layout, group)
        yield group.rows, {name: values.reshape(shape) for name, values in heads.items()}


def _head_signals(batch: pa.RecordBatch, layout: Layout, group: Group) -> dict[str, Float32]:
    """``[rows, layer * head]`` by signal."""
    rows, size = group.rows, group.layers * group.heads
    sink, outside, context, generated = group.by_role
    entropy, squares = (lists(batch, name).rows(rows, size) for name in ("entropy", "square_sum"))
    length, generated_tokens = layout.context_length[rows], layout.generated_tokens[rows]
    share = formulas.context_share(context, outside)
    share[~(layout.whole & layout.has_sink)[rows]] = np.nan
    return {
        "context_share": share,
        "sink_share": np.where(layout.has_sink[rows, None], formulas.sink_share(sink), np.nan),
        "lookback_ratio": formulas.lookback_ratio(
            generated, (length - generated_tokens)[:, None], generated_tokens[:, None]
        ),
        "entropy_ratio": formulas.entropy_ratio(entropy, length[:, None]),
        "head_concentration": formulas.head_concentration(squares),
        "copy_rate": formulas.copy_rate(_copied(lists(batch, "copied"), rows, size)),
    }


def _copied(copied: Lists, rows: Rows, size: int) -> Float32:
    """1 and 0, NaN where the sample does not say."""
    out = np.full((len(rows), size), np.nan, dtype=np.float32)
    known = copied.lengths[rows] == size
    if known.any():
        out[known] = copied.rows(rows[known], size)
    return out


def _sums(heads: Float32) -> tuple[Float32, Float32]:
    """Sum and number of what was measured, over the last axis."""
    unknown = np.isnan(heads)
    counts = heads.shape[-1] - unknown.sum(axis=-1, dtype=np.float32)
    return np.where(unknown, np.float32(0), heads).sum(axis=-1), counts


def _ratio(sums: Float32, counts: Float32) -> Float32:
    return np.divide(sums, counts, out=_nans(sums.shape), where=counts > 0)


def _nans(shape: int | tuple[int, ...]) -> Float32:
    return np.full(shape, np.nan, dtype=np.float32)


def _record(
    batch: pa.RecordBatch,
    scalar: dict[str, Float32],
    layered: dict[str, Float32],
    starts: NDArray[np.int64],
) -> pa.RecordBatch:
    made: dict[str, pa.Array] = {name: nullable(values) for name, values in scalar.items()}
    for name, values in layered.items():
        made[f"layer_{name}"] = list_of(starts, values)
    names = schema.RECORD.names
    columns = [made[name] if name in made else batch.column(name) for name in names]
    return pa.RecordBatch.from_arrays(columns, schema=schema.RECORD)
