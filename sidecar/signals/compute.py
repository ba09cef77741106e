"""From per-head summaries to scalar signals: one pass of numpy over a batch of samples."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sidecar import schema
from sidecar.signals import calibrated, formulas, masses
from sidecar.signals.calibrated import Calibrations
from sidecar.signals.documents import document_signals
from sidecar.signals.masses import Float32, Group, Masses, Rows
from sidecar.signals.retrieval import Segments, copied_or_nan
from sidecar.signals.rows import list_of, lists, nullable, offsets, require, scalars
from sidecar.signals.values import shapes_of, value_faults

PER_HEAD = schema.LAYER_SIGNAL_NAMES
"""The signals that a single head has."""


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


def compute(batch: pa.RecordBatch, calibrations: Calibrations = ()) -> pa.RecordBatch:
    """Add the signals to a batch of `schema.WIRE`; the result has `schema.RECORD`.

    ``calibrations`` are for the signals of calibrated heads, which are null where none of them fits
    a sample. A null is *not measured*. Raises BadRows, which lists the rows to leave out, when any
    row contradicts itself.
    """
    if not len(batch):
        return pa.RecordBatch.from_pylist([], schema=schema.RECORD)
    layout = Layout.of(batch)
    starts = offsets(batch, "layers")
    layered = _nans((len(PER_HEAD), int(starts[-1] - starts[0])))
    means, gini = _nans((len(PER_HEAD), len(batch))), _nans((len(batch),))
    by_head = []
    for group in layout.masses.groups:
        heads = _head_signals(batch, layout, group)
        sums, counts = _sums(heads)
        places = (starts[group.rows] - starts[0])[:, None] + np.arange(group.layers)
        layered[:, places] = _ratio(sums, counts)
        means[:, group.rows] = _ratio(sums.sum(axis=-1), counts.sum(axis=-1))
        shares = heads[PER_HEAD.index("context_share")]
        by_head.append((group, shares))
        gini[group.rows] = formulas.context_gini(shares.reshape(len(shares), -1))
    documents = document_signals(
        batch, layout.masses.by_segment, layout.is_context, layout.segment_row
    )
    segments = Segments.of(batch, layout.segment_row, layout.is_context)
    scalar = dict(zip(PER_HEAD, means, strict=True)) | {"context_gini": gini}
    scalar |= calibrated.signals_of(batch, calibrations, segments, layout.whole, by_head)
    for name, values in documents.items():
        scalar[name] = np.where(layout.whole, values, np.nan).astype(np.float32)
    return _record(batch, scalar, dict(zip(PER_HEAD, layered, strict=True)), starts - starts[0])


def per_head(batch: pa.RecordBatch) -> Iterator[tuple[Rows, dict[str, Float32]]]:
    """The signals before any mean: rows of one shape, and ``[rows, layer, head]`` by name.

    Takes batches of `schema.WIRE` and `schema.RECORD`. NaN is *not measured*. Raises BadRows.
    """
    layout = Layout.of(batch)
    for group in layout.masses.groups:
        heads = _head_signals(batch, layout, group)
        yield group.rows, dict(zip(PER_HEAD, heads, strict=True))


def _head_signals(batch: pa.RecordBatch, layout: Layout, group: Group) -> Float32:
    """``[signal, rows, layer, head]``, signals as in `PER_HEAD`."""
    rows, size = group.rows, group.layers * group.heads
    sink, outside, context, generated = group.by_role
    entropy, squares = (lists(batch, name).rows(rows, size) for name in ("entropy", "square_sum"))
    length, generated_tokens = layout.context_length[rows], layout.generated_tokens[rows]
    measured = {
        "context_share": formulas.context_share(context, outside),
        "sink_share": formulas.sink_share(sink),
        "lookback_ratio": formulas.lookback_ratio(
            generated, (length - generated_tokens)[:, None], generated_tokens[:, None]
        ),
        "entropy_ratio": formulas.entropy_ratio(entropy, length[:, None]),
        "head_concentration": formulas.head_concentration(squares),
        "copy_rate": formulas.copy_rate(copied_or_nan(lists(batch, "copied"), rows, size)),
    }
    measured["context_share"][~(layout.whole & layout.has_sink)[rows]] = np.nan
    measured["sink_share"][~layout.has_sink[rows]] = np.nan
    heads = np.stack([measured[name] for name in PER_HEAD])
    return heads.reshape(len(PER_HEAD), len(rows), group.layers, group.heads)


def _sums(heads: Float32) -> tuple[Float32, Float32]:
    """Sum and number of what was measured, over the last axis."""
    size = heads.shape[-1]
    flat = heads.reshape(-1, size)
    sums = flat @ np.ones(size, dtype=np.float32)
    counts = np.full_like(sums, size)
    partly = np.flatnonzero(np.isnan(sums))
    unknown = np.isnan(flat[partly])
    counts[partly] -= unknown.sum(axis=-1)
    sums[partly] = np.where(unknown, np.float32(0), flat[partly]).sum(axis=-1)
    return sums.reshape(heads.shape[:-1]), counts.reshape(heads.shape[:-1])


def _ratio(sums: Float32, counts: Float32) -> Float32:
    return np.divide(sums, counts, out=_nans(sums.shape), where=counts > 0)


def _nans(shape: tuple[int, ...]) -> Float32:
    return np.full(shape, np.nan, dtype=np.float32)


def _record(
    batch: pa.RecordBatch,
    scalar: dict[str, Float32],
    layered: dict[str, Float32],
    starts: NDArray[np.int64],
) -> pa.RecordBatch:
    made: dict[str, pa.Array] = {name: nullable(values) for name, values in scalar.items()}
    made |= {f"layer_{name}": list_of(starts, values) for name, values in layered.items()}
    given = dict(zip(batch.schema.names, batch.columns, strict=True))
    columns = [made[name] if name in made else given[name] for name in schema.RECORD.names]
    return pa.RecordBatch.from_arrays(columns, schema=schema.RECORD)
