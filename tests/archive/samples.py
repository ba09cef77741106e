"""Batches of made-up samples for the archive's tests."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from sidecar import schema

START = int(datetime(2026, 11, 23, 8, 30, tzinfo=UTC).timestamp() * 1_000_000)
HOUR = 3_600_000_000
LAYERS = [3, 7]
HEADS = 4
ROLES = ["sink", "context", "query"]
SOURCES = ["", "doc-1", ""]


def batch(
    ids: Iterable[str], *, time: int = START, spacing: int = 1000, seed: int = 0
) -> pa.RecordBatch:
    """Samples of 2 layers × 4 heads × 3 segments, ``spacing`` microseconds apart."""
    rng = np.random.default_rng(seed)
    rows = [_row(rng, record, time + n * spacing, n) for n, record in enumerate(ids)]
    return pa.RecordBatch.from_pylist(rows, schema=schema.RECORD)


def ids(count: int, prefix: str = "r") -> list[str]:
    return [f"{prefix}-{number}" for number in range(count)]


def _row(rng: np.random.Generator, record: str, time: int, number: int) -> dict[str, Any]:
    pairs = len(LAYERS) * HEADS
    masses = rng.dirichlet(np.ones(len(ROLES)), pairs).astype(np.float32)
    arrays = {
        "mass": masses.ravel(),
        "peak": (masses * 0.3).ravel(),
        "argmax": rng.integers(0, 900, pairs),
        "copied": rng.random(pairs) < 0.5,
    }
    for name in ("entropy", "square_sum", "self_weight", "previous_weight"):
        arrays[name] = rng.random(pairs, np.float32)
    for name in schema.LAYER_SIGNAL_NAMES:
        arrays[f"layer_{name}"] = np.array([0.25, np.nan], np.float32)
    signals = {name: rng.random(dtype=np.float32) for name in schema.SIGNAL_NAMES}
    return {
        "record_id": record,
        "engine": "0",
        "boot": "b",
        "rank": 0,
        "sequence": number,
        "time": time,
        "request_id": f"request-{number // 3}",
        "model_name": "placeholder",
        "route": "rag" if number % 2 else None,
        "tags": [("tenant", "a")],
        "step": number % 3,
        "prompt_length": 1000,
        "context_length": 1001 + number % 3,
        "sampling_rate": 0.1,
        "stride": 1,
        "forced": False,
        "documents_declared": 2,
        "documents_found": 1,
        "span_method": "text",
        "span_failures": ["not_found"],
        "layers": LAYERS,
        "heads": HEADS,
        "segment_role": ROLES,
        "segment_source": SOURCES,
        "segment_start": [0, 4, 800],
        "segment_end": [4, 800, 1001],
        **signals,
        "document_entropy": None,
        **{name: values.tolist() for name, values in arrays.items()},
    }
