"""Attention by document: the segments of one source together, heads averaged."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sidecar.signals import formulas
from sidecar.signals.rows import numbers, offsets

Numbers = NDArray[Any]
TINY = np.finfo(np.float64).tiny


def document_signals(
    batch: pa.RecordBatch,
    mass: NDArray[np.float32],
    is_context: NDArray[np.bool_],
    row: NDArray[np.intp],
) -> dict[str, Numbers]:
    """`top_document_share` and `document_entropy`, ``[rows]`` each.

    ``mass``, ``is_context`` and ``row`` have one item for each segment of the batch: its mass as
    the mean over heads, whether it is a document's, and the row it is in.
    """
    owner, parts = _documents(batch, mass, is_context, row)
    total = np.bincount(owner, parts, len(batch)).astype(np.float64)  # integers when empty
    share = parts / np.maximum(total[owner], TINY)
    entropy = np.bincount(owner, -share * np.log(np.maximum(share, TINY)), len(batch))
    entropy = np.where(total > formulas.NOTHING, entropy, np.nan)
    largest = np.zeros(len(batch))
    np.maximum.at(largest, owner, parts)
    count = np.bincount(owner, minlength=len(batch))
    return {
        "top_document_share": formulas.top_document_share(largest, total),
        "document_entropy": formulas.document_entropy(entropy, count),
    }


def _documents(
    batch: pa.RecordBatch,
    mass: NDArray[np.float32],
    is_context: NDArray[np.bool_],
    row: NDArray[np.intp],
) -> tuple[Numbers, Numbers]:
    """Row and mass of each document, a document being one source of one row."""
    bounds = offsets(batch, "segment_source")
    codes = pc.dictionary_encode(batch.column("segment_source").values[bounds[0] : bounds[-1]])
    kinds = max(len(codes.dictionary), 1)
    key = row[is_context] * kinds + numbers(codes.indices)[is_context]
    documents, which = np.unique(key, return_inverse=True)
    return documents // kinds, np.bincount(which, mass[is_context], len(documents))
