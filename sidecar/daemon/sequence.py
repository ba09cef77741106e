"""Follows the sequence numbers of every engine process: what is missing, late, or here again."""

from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sidecar.daemon.labels import Cap
from sidecar.daemon.own import OwnMetrics, begin
from sidecar.signals import numbers

MAX_STREAMS = 1024
MAX_GAPS = 256

Key = tuple[str, str, int]


@dataclass
class Stream:
    """The numbers of one engine, boot and rank."""

    expected: int
    gaps: list[tuple[int, int]] = field(default_factory=list)
    """Half-open ranges that have not come, oldest first; the oldest are given up."""

    def fill(self, number: int) -> bool:
        """Take a number out of the gaps; False when it is in none."""
        for position, (low, high) in enumerate(self.gaps):
            if low <= number < high:
                parts = [(low, number), (number + 1, high)]
                self.gaps[position : position + 1] = [part for part in parts if part[0] < part[1]]
                return True
        return False


class Sequences:
    """All streams; a bounded number, the one quiet for longest is forgotten first."""

    def __init__(self, metrics: OwnMetrics, engines: Cap) -> None:
        self._metrics = metrics
        self._engines = engines
        self._counters = (
            *(metrics.missing, metrics.late, metrics.duplicates),
            *(metrics.unseen, metrics.restarts),
        )
        self._streams: OrderedDict[Key, Stream] = OrderedDict()
        self._boots: OrderedDict[tuple[str, int], str] = OrderedDict()

    def account(self, batch: pa.RecordBatch) -> NDArray[np.bool_]:
        """Count gaps, late samples and replays; ``[rows]``, False for a sample seen before.

        Rows without a number or an origin are not counted, and kept.
        """
        fresh = np.ones(len(batch), dtype=bool)
        sequence = numbers(batch.column("sequence"))
        for key, rows in _by_origin(batch):
            found = sequence[rows]
            fresh[rows] = self._follow(key, found)
        self._metrics.streams.set(len(self._streams))
        return fresh

    def meet(self, engine: str) -> None:
        """Have an engine's counters on the page before any of its samples is lost."""
        for counter in self._counters:
            begin(counter, [self._engines(engine)])

    def _follow(self, key: Key, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        stream = self._stream(key, int(numbers[0]))
        if numbers[0] == stream.expected and (np.diff(numbers) == 1).all():
            stream.expected += len(numbers)
            return np.ones(len(numbers), dtype=bool)
        engine = self._engines(key[0])
        return np.array([self._take(stream, engine, int(number)) for number in numbers])

    def _take(self, stream: Stream, engine: str, number: int) -> bool:
        if number >= stream.expected:
            if number > stream.expected:
                self._metrics.missing.labels(engine).inc(number - stream.expected)
                stream.gaps = [*stream.gaps, (stream.expected, number)][-MAX_GAPS:]
            stream.expected = number + 1
            return True
        late = stream.fill(number)
        (self._metrics.late if late else self._metrics.duplicates).labels(engine).inc()
        return late

    def _stream(self, key: Key, first: int) -> Stream:
        if key not in self._streams:
            self._open(key, first)
        self._streams.move_to_end(key)
        return self._streams[key]

    def _open(self, key: Key, first: int) -> None:
        engine, boot, rank = key
        self.meet(engine)
        known = self._boots.get((engine, rank))
        if known not in (None, boot):
            self._metrics.restarts.labels(self._engines(engine)).inc()
        self._boots[engine, rank] = boot
        self._metrics.unseen.labels(self._engines(engine)).inc(max(first, 0))
        self._streams[key] = Stream(expected=first)
        if len(self._streams) > MAX_STREAMS:
            self._streams.popitem(last=False)
            self._metrics.forgotten.inc()
        if len(self._boots) > MAX_STREAMS:
            self._boots.popitem(last=False)


def _by_origin(batch: pa.RecordBatch) -> list[tuple[Key, NDArray[np.int64]]]:
    """Rows of each engine, boot and rank, in order of arrival."""
    columns = [batch.column(name) for name in ("engine", "boot", "rank", "sequence")]
    code = np.zeros(len(batch), dtype=np.int64)
    for column in columns[:3]:
        encoded = pc.dictionary_encode(column, null_encoding="encode")
        code = code * len(encoded.dictionary) + numbers(encoded.indices)
    complete = np.ones(len(batch), dtype=bool)
    for column in columns:
        if column.null_count:
            complete &= numbers(column.is_valid()) > 0
    found = []
    for value in np.unique(code[complete]):
        rows = np.flatnonzero((code == value) & complete)
        engine, boot, rank = (column[int(rows[0])].as_py() for column in columns[:3])
        found.append(((engine, boot, rank), rows))
    return found
