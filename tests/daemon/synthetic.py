"""Batches as a tap makes them, from made-up but possible attention."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa

from sidecar import schema, wire
from sidecar.config import Sampling


@dataclass
class Tap:
    """Counts its samples as a tap does."""

    engine: str = "0"
    boot: str = "boot-1"
    rank: int = 0
    model: str = "demo"
    layers: Sequence[int] = (4, 8, 12, 16)
    heads: int = 32
    documents: int = 4
    routes: Sequence[str | None] = ("search", "chat", None)
    sequence: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def batch(self, rows: int) -> pa.RecordBatch:
        """The next samples."""
        return batch_of([self.sample() for _ in range(rows)])

    def message(self, rows: int) -> list[bytes]:
        """The next samples as they go over the wire."""
        return [wire.SAMPLES, wire.encode_batch(self.batch(rows))]

    def status(self, **changes: Any) -> list[bytes]:
        """What the tap says of itself."""
        status = wire.TapStatus(
            engine=self.engine,
            boot=self.boot,
            rank=self.rank,
            model_name=self.model,
            time=datetime.now(UTC).timestamp(),
            version="0",
            vllm_version="0",
            runner="v1",
            backend="cpu",
            device="cpu",
            state="active",
            sampling=Sampling(),
            effective_rate=0.1,
            samples=self.sequence,
            seconds={"summary": 0.5, "emit": 0.1},
            dropped={"queue_full": 3},
            errors={"ValueError": 1},
            spans={"text": 2},
            span_failures={"not_found": 1},
        )
        return [wire.STATUS, status.model_copy(update=changes).model_dump_json().encode()]

    def sample(self, *, step: int | None = None, **changes: Any) -> dict[str, Any]:
        """One row of `schema.WIRE`, with fields replaced."""
        number, self.sequence = self.sequence, self.sequence + 1
        step = int(self.random.integers(1, 64)) if step is None else step
        segments = self._segments(step)
        return {
            "record_id": f"{self.boot}-{self.rank}-{number}",
            "engine": self.engine,
            "boot": self.boot,
            "rank": self.rank,
            "sequence": number,
            "time": datetime.now(UTC),
            "request_id": f"chatcmpl-{uuid4().hex}",
            "trace_id": uuid4().hex,
            "traceparent": None,
            "model_name": self.model,
            "model_revision": None,
            "route": self.routes[number % len(self.routes)],
            "tags": [("tenant", "a")],
            **self._shape(step, segments),
            **self._heads(segments),
            **changes,
        }

    def _segments(self, step: int) -> list[tuple[str, str, int]]:
        documents = [("context", f"doc-{i}", 80 + 10 * i) for i in range(self.documents)]
        generated = [("generated", "", step)] if step else []
        return [
            ("sink", "", schema.SINK_TOKENS),
            ("system", "", 60),
            *documents,
            ("query", "", 30),
            *generated,
        ]

    def _shape(self, step: int, segments: list[tuple[str, str, int]]) -> dict[str, Any]:
        ends = np.cumsum([length for _, _, length in segments])
        return {
            "step": step,
            "prompt_length": int(ends[-1]) - step,
            "context_length": int(ends[-1]),
            "sampling_rate": 0.1,
            "stride": 16,
            "forced": False,
            "documents_declared": self.documents,
            "documents_found": self.documents,
            "span_method": "text" if self.documents else "none",
            "span_failures": [],
            "layers": list(self.layers),
            "heads": self.heads,
            "segment_role": [role for role, _, _ in segments],
            "segment_source": [source for _, source, _ in segments],
            "segment_start": [0, *ends[:-1].tolist()],
            "segment_end": ends.tolist(),
        }

    def _heads(self, segments: list[tuple[str, str, int]]) -> dict[str, Any]:
        """Softmax of normal scores, with a strong sink: near what decoders show."""
        lengths = np.array([length for _, _, length in segments])
        starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
        count = len(self.layers) * self.heads
        scores = self.random.normal(0, 2, (count, int(lengths.sum())))
        scores[:, 0] += self.random.normal(6, 2, count)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
        return {
            "mass": np.add.reduceat(weights, starts, axis=1).ravel(),
            "peak": np.maximum.reduceat(weights, starts, axis=1).ravel(),
            "argmax": weights.argmax(axis=1).astype(np.int32),
            "copied": (self.random.random(count) < 0.1).tolist(),
            "entropy": -(weights * np.log(np.maximum(weights, 1e-30))).sum(axis=1),
            "square_sum": (weights**2).sum(axis=1),
            "self_weight": weights[:, -1],
            "previous_weight": weights[:, -2],
        }


def batch_of(samples: list[dict[str, Any]]) -> pa.RecordBatch:
    """Rows as a batch of `schema.WIRE`."""
    return pa.RecordBatch.from_pylist(samples, schema=schema.WIRE)


def restarted(tap: Tap) -> Tap:
    """The same engine after a restart of its process."""
    return replace(tap, boot=f"{tap.boot}+", sequence=0)
