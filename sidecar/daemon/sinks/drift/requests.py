"""Samples gathered by request, until the request is over and has its means."""

import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sidecar.daemon.sinks.drift.reduced import KEY, LENGTHS, VALUES, by_request
from sidecar.drift import Requests, Stream

Key = tuple[str, ...]


@dataclass
class Request:
    """One request so far; its tensor-parallel ranks count as one."""

    stream: Stream
    session: str
    time: int
    """Of its first sample, microseconds since the epoch."""
    seen: float = 0.0
    """Monotonic time at which the last sample arrived."""
    sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(VALUES)))
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(VALUES), np.int64))

    def means(self) -> NDArray[np.float64]:
        """``[values]``, NaN where nothing was measured."""
        known = np.maximum(self.counts, 1)
        return np.where(self.counts > 0, self.sums / known, np.nan)


class OpenRequests:
    """Requests that may have further samples: a bounded number, the one quiet for longest first."""

    def __init__(self, idle_seconds: float, limit: int) -> None:
        self._idle, self._limit = idle_seconds, limit
        self._open: OrderedDict[Key, Request] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in a batch of `reduced.SCHEMA`."""
        if not len(batch):
            return
        values = np.stack([batch.column(name).to_numpy() for name in VALUES], 1)
        times = batch.column("time").to_numpy()
        known = np.isfinite(values)
        values = np.where(known, values, 0.0)
        groups = by_request(batch)
        first = pa.array([int(rows[0]) for rows in groups])
        keys = batch.select([*KEY, "session"]).take(first).to_pylist()
        for key, rows in zip(keys, groups, strict=True):
            request = self._of(key, int(times[rows[0]]))
            request.sums += values[rows].sum(axis=0)
            request.counts += known[rows].sum(axis=0)
            request.time = min(request.time, int(times[rows].min()))

    def quiet(self) -> list[Request]:
        """Those without a sample for long enough; they are forgotten."""
        before, found = time.monotonic() - self._idle, []
        while self._open and next(iter(self._open.values())).seen <= before:
            found.append(self._oldest())
        return found

    def beyond(self) -> list[Request]:
        """Those for which there is no room; they are forgotten."""
        return [self._oldest() for _ in range(len(self._open) - self._limit)]

    def state(self) -> list[Any]:
        """As JSON has it."""
        return [
            [*key, one.session, one.time, one.sums.tolist(), one.counts.tolist()]
            for key, one in self._open.items()
        ]

    def restore(self, state: Iterable[Any]) -> None:
        """Go on from a `state`; all of them have been heard of just now."""
        for *key, session, first, sums, counts in state:
            self._open[tuple(key)] = Request(
                Stream(*key[:2]),
                session,
                first,
                time.monotonic(),
                np.asarray(sums, dtype=np.float64),
                np.asarray(counts, dtype=np.int64),
            )

    def _oldest(self) -> Request:
        return self._open.popitem(last=False)[1]

    def _of(self, found: Mapping[str, str], first: int) -> Request:
        key = tuple(found[name] for name in KEY)
        if key not in self._open:
            self._open[key] = Request(Stream(*key[:2]), found["session"], first)
        self._open.move_to_end(key)
        self._open[key].seen = time.monotonic()
        return self._open[key]


def together(requests: Iterable[Request]) -> Iterator[tuple[Stream, Requests]]:
    """Requests that are over, by stream and in order of time."""
    by_stream: dict[Stream, list[Request]] = {}
    for request in sorted(requests, key=lambda one: one.time):
        by_stream.setdefault(request.stream, []).append(request)
    for stream, found in by_stream.items():
        means = np.stack([one.means() for one in found])
        yield (
            stream,
            Requests(
                time=np.asarray([one.time for one in found], dtype=np.int64),
                session=np.asarray([one.session for one in found], dtype=object),
                lengths=means[:, : len(LENGTHS)],
                signals=means[:, len(LENGTHS) :],
            ),
        )
