"""Samples whose per-head summaries come from real softmax attention over made-up keys.

Keys of a segment share a topic, some heads look for one, some for recent positions, all for the
first position to some degree. Entropies then range from 0.2 to 7.5 nats, with a median near 5, and
masses over several powers of ten: the spread decides how well the archive packs them.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sidecar import schema

LAYERS, HEADS, GROUPS, SEGMENTS, SIZE = 4, 32, 8, 8, 64
ROLES = ["sink", "system", *["context"] * (SEGMENTS - 3), "query"]
STEPS = 4
_START = 1_795_420_800_000_000

Floats = npt.NDArray[np.float32]


def batch(count: int, seed: int = 0) -> pa.RecordBatch:
    """``count`` samples of 4 layers × 32 heads × 8 segments, four steps of each request."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    while len(rows) < count:
        rows += _request(rng, len(rows))
    return pa.RecordBatch.from_pylist(rows[:count], schema=schema.RECORD)


def _request(rng: np.random.Generator, first: int) -> list[dict[str, Any]]:
    length = int(np.clip(rng.lognormal(7, 0.6), 200, 6000))
    inner = np.sort(rng.choice(np.arange(5, length), SEGMENTS - 2, replace=False))
    cuts = np.concatenate([[0, 4], inner, [length]])
    identity = _identity(rng, cuts)
    heads = [_layer(rng, cuts) for _ in range(LAYERS)]
    return [
        identity | _step(rng, first + step, step) | _merge([layer[step] for layer in heads])
        for step in range(STEPS)
    ]


def _layer(rng: np.random.Generator, cuts: npt.NDArray[np.int64]) -> list[dict[str, Any]]:
    """Summaries of one layer's heads at each step."""
    length = int(cuts[-1])
    topics = rng.normal(size=(SEGMENTS, SIZE))
    keys = rng.normal(size=(GROUPS, length, SIZE)) + 0.3 * np.repeat(topics, np.diff(cuts), axis=0)
    sink = 2 * rng.normal(size=(GROUPS, 1, SIZE))
    keys[:, :1] += sink
    habit = rng.normal(size=(HEADS, SIZE))
    sharpness = rng.lognormal(0.3, 0.4, (HEADS, 1))
    recency = rng.exponential(1, (HEADS, 1)) * (rng.random((HEADS, 1)) < 0.3)
    age = recency * np.log1p(np.arange(length)[::-1])
    pull = 0.25 * np.repeat(sink[:, 0], HEADS // GROUPS, axis=0) * rng.random((HEADS, 1))
    summaries = []
    for _ in range(STEPS):
        wanted = 0.3 * topics[rng.integers(0, SEGMENTS, HEADS)]
        queries = (habit + 0.5 * rng.normal(size=(HEADS, SIZE)) + wanted + pull) * sharpness
        grouped = queries.reshape(GROUPS, HEADS // GROUPS, SIZE)
        scores = (grouped @ keys.transpose(0, 2, 1)).reshape(HEADS, length) / np.sqrt(SIZE) - age
        summaries.append(_summary(rng, scores, cuts))
    return summaries


def _summary(
    rng: np.random.Generator, scores: npt.NDArray[np.float64], cuts: npt.NDArray[np.int64]
) -> dict[str, Any]:
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    logs = np.log(np.maximum(weights, 1e-30))
    return {
        "mass": np.add.reduceat(weights, cuts[:-1], axis=1),
        "peak": np.maximum.reduceat(weights, cuts[:-1], axis=1),
        "argmax": weights.argmax(axis=1),
        "copied": rng.random(HEADS) < 0.1,
        "entropy": -(weights * logs).sum(axis=1),
        "square_sum": (weights**2).sum(axis=1),
        "self_weight": weights[:, -1],
        "previous_weight": weights[:, -2],
    }


def _merge(layers: list[dict[str, Any]]) -> dict[str, Any]:
    """Flattened arrays of a sample."""
    return {name: np.stack([layer[name] for layer in layers]).ravel() for name in layers[0]}


def _identity(rng: np.random.Generator, cuts: npt.NDArray[np.int64]) -> dict[str, Any]:
    documents = [f"doc-{number}" for number in rng.integers(0, 50_000, ROLES.count("context"))]
    trace = rng.bytes(16).hex()
    return {
        "engine": "0",
        "boot": "5f0c1a9e7d3b",
        "rank": 0,
        "request_id": f"chatcmpl-{rng.bytes(16).hex()}",
        "trace_id": trace,
        "traceparent": f"00-{trace}-{rng.bytes(8).hex()}-01",
        "model_name": "meta/llama-8b",
        "route": "rag" if rng.random() < 0.8 else "chat",
        "tags": [("tenant", "a"), ("retriever", "bm25")],
        "prompt_length": int(cuts[-1]) - 1,
        "context_length": int(cuts[-1]),
        "sampling_rate": 0.1,
        "stride": 16,
        "forced": False,
        "documents_declared": len(documents),
        "documents_found": len(documents),
        "span_method": "text",
        "span_failures": [],
        "layers": [8, 12, 16, 20],
        "heads": HEADS,
        "segment_role": ROLES,
        "segment_source": ["", "", *documents, ""],
        "segment_start": cuts[:-1],
        "segment_end": cuts[1:],
    }


def _step(rng: np.random.Generator, number: int, step: int) -> dict[str, Any]:
    signals = {name: rng.random(dtype=np.float32) for name in schema.SIGNAL_NAMES}
    layers = {f"layer_{name}": rng.random(LAYERS, np.float32) for name in schema.LAYER_SIGNAL_NAMES}
    record = f"5f0c1a9e7d3b-0-{number}"
    own = {"record_id": record, "sequence": number, "time": _START + number * 1237}
    return own | {"step": step * 16} | signals | layers
