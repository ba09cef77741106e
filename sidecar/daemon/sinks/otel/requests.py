"""Samples gathered by request, until a request is over."""

import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sidecar import schema, signals
from sidecar.config import Otel

LONGEST_ID = 256
"""Characters of a request id that are kept, from its end, which is what makes it unique."""

Key = tuple[str, str, str]
"""Engine, boot and request id."""


def _zeros(kind: type[np.generic]) -> NDArray[Any]:
    return np.zeros(len(schema.SIGNAL_NAMES), dtype=kind)


@dataclass
class Request:
    """One request so far; its tensor-parallel ranks count as one."""

    engine: str
    request_id: str
    model_name: str
    traceparent: str | None
    prompt_length: int
    sampling_rate: float
    tags: dict[str, str]
    """Those of `otel.tags` that it has."""
    first: int
    """When its first sample was taken, nanoseconds since the epoch."""
    last: int
    """When its last one was."""
    seen: float = 0.0
    """Monotonic time at which the last one arrived."""
    context_length: int = 0
    """Of the longest sample."""
    sums: NDArray[np.float64] = field(default_factory=lambda: _zeros(np.float64))
    counts: NDArray[np.int64] = field(default_factory=lambda: _zeros(np.int64))

    def means(self) -> Iterator[tuple[str, float, int]]:
        """Name, mean and number of samples of each signal that was measured."""
        sums, counts = self.sums.tolist(), self.counts.tolist()
        for name, total, count in zip(schema.SIGNAL_NAMES, sums, counts, strict=True):
            if count:
                yield name, total / count, count


class OpenRequests:
    """Requests that may have further samples: a bounded number, the one quiet for longest first."""

    def __init__(self, settings: Otel) -> None:
        self._settings = settings
        self._open: OrderedDict[Key, Request] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in a batch of `schema.RECORD`."""
        values = np.stack([signals.floats(batch.column(name)) for name in schema.SIGNAL_NAMES], 1)
        times = signals.numbers(batch.column("time").cast(pa.int64())) * 1000
        lengths = signals.numbers(batch.column("context_length"))
        for rows in _by_request(batch):
            request = self._of(batch, int(rows[0]), int(times[rows[0]]))
            found = values[rows]
            request.sums += np.nansum(found, axis=0)
            request.counts += np.count_nonzero(~np.isnan(found), axis=0)
            request.first = min(request.first, int(times[rows].min()))
            request.last = max(request.last, int(times[rows].max()))
            request.context_length = max(request.context_length, int(lengths[rows].max()))

    def quiet(self) -> Iterator[Request]:
        """Those without a sample for long enough; they are forgotten."""
        before = time.monotonic() - self._settings.idle_seconds
        while self._open and next(iter(self._open.values())).seen <= before:
            yield self._oldest()

    def beyond(self) -> Iterator[Request]:
        """Those for which there is no room; they are forgotten."""
        while len(self._open) > self._settings.open_requests:
            yield self._oldest()

    def all(self) -> Iterator[Request]:
        """Every one; they are forgotten."""
        while self._open:
            yield self._oldest()

    def _oldest(self) -> Request:
        return self._open.popitem(last=False)[1]

    def _of(self, batch: pa.RecordBatch, row: int, first: int) -> Request:
        value = {name: batch.column(name)[row].as_py() for name in ("engine", "boot", "request_id")}
        key = (value["engine"], value["boot"], value["request_id"][-LONGEST_ID:])
        if key not in self._open:
            self._open[key] = self._new(batch, row, first)
        self._open.move_to_end(key)
        self._open[key].seen = time.monotonic()
        return self._open[key]

    def _new(self, batch: pa.RecordBatch, row: int, first: int) -> Request:
        columns = ("engine", "model_name", "traceparent", "prompt_length", "sampling_rate")
        tags = {"route": batch.column("route")[row].as_py(), **dict(_tags(batch, row))}
        return Request(
            **{name: batch.column(name)[row].as_py() for name in columns},
            request_id=batch.column("request_id")[row].as_py()[-LONGEST_ID:],
            tags={name: tags[name] for name in self._settings.tags if tags.get(name)},
            first=first,
            last=first,
        )


def _tags(batch: pa.RecordBatch, row: int) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = batch.column("tags")[row].as_py()
    return found


def _by_request(batch: pa.RecordBatch) -> Sequence[NDArray[np.intp]]:
    """The rows of each request."""
    code = np.zeros(len(batch), dtype=np.int64)
    for name in ("engine", "boot", "request_id"):
        encoded = pc.dictionary_encode(batch.column(name))
        code = code * len(encoded.dictionary) + signals.numbers(encoded.indices)
    order = np.argsort(code, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(code[order])) + 1)
