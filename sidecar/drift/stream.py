"""One stream: residuals, blocks, evidence, and where its change began."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar.drift import blocks
from sidecar.drift.baseline.artefact import SignalBaseline
from sidecar.drift.changepoint import ChangePoint
from sidecar.drift.detectors.base import Floats, State
from sidecar.drift.evidence import Evidence, usable
from sidecar.drift.features import LENGTHS, design
from sidecar.drift.requests import FALLBACK, PRIMARY, Requests


class Block(NamedTuple):
    """What a block of the shortest length adds up to; its columns are signals."""

    residual: Floats
    explained: Floats
    outside: float
    requests: int
    first: int
    last: int


class RouteStream:
    """The signals of one model on one route; memory does not grow with requests."""

    def __init__(
        self, signals: Mapping[str, SignalBaseline], margin: float, least_effect: float
    ) -> None:
        """``least_effect`` in standard deviations of a request."""
        self.names = tuple(signals)
        self.baselines = tuple(signals.values())
        self.calibrated = PRIMARY in signals
        pages = (PRIMARY,) if self.calibrated else FALLBACK
        self.paging = [place for place, name in enumerate(self.names) if name in pages]
        self.scale = np.asarray([one.scale for one in self.baselines])
        self.margin = margin
        self._scales = {
            length: np.asarray([_block(one, length).scale for one in self.baselines])
            for length in self._lengths()
        }
        self.evidence = Evidence(self._used(), self._margins())
        self.change = ChangePoint(self.scale * least_effect)
        self.seen = self.unmeasured = self.unmeasured_in_a_row = 0
        self.last_time: int | None = None
        self._pending: list[list[float]] = []
        self._sessions: list[str] = []
        self._open: list[list[Block]] = [[] for _ in blocks.LENGTHS]

    def _lengths(self) -> list[int]:
        return [
            length
            for length in blocks.LENGTHS
            if all(any(b.length == length for b in one.blocks) for one in self.baselines)
        ]

    def _used(self) -> tuple[int, ...]:
        paging = [self.baselines[place] for place in self.paging]
        independent = {
            length: all(_block(one, length).independent for one in paging)
            for length in self._lengths()
        }
        return usable(independent) or (self._lengths()[-1],)

    def _margins(self) -> dict[int, Floats]:
        """``[2, paging]`` for each length: the margin, less what clipping does to the mean."""
        found = {}
        for length in self._lengths():
            parts = [_block(self.baselines[place], length) for place in self.paging]
            margin = self.margin / np.asarray([part.scale for part in parts])
            bias = np.asarray(
                [[part.drop_bias for part in parts], [part.rise_bias for part in parts]]
            )
            found[length] = margin - bias
        return found

    def update(self, requests: Requests) -> Iterator[Block]:
        """Take requests in order; each finished block of the shortest length, already weighed."""
        self._count(requests)
        width = len(self.names)
        rows = np.vstack([*self._pending, self._rows(requests)])
        session = np.asarray([*self._sessions, *requests.session.tolist()], dtype=object)
        last = blocks.ends(session)
        means = blocks.means(rows[:, :-1], last)
        done = int(last[-1]) if len(last) else 0
        self._pending, self._sessions = rows[done:].tolist(), session[done:].tolist()
        first = [0, *last[:-1].tolist()]
        for mean, start, stop in zip(means, first, last.tolist(), strict=True):
            block = Block(
                mean[:width],
                mean[width:-1],
                float(mean[-1]),
                stop - start,
                int(rows[start, -1]),
                int(rows[stop - 1, -1]),
            )
            self._add(block)
            yield block

    def _rows(self, requests: Requests) -> Floats:
        """``[n, 2 signals + 2]``: residuals, what is explained, outside, time."""
        columns = design(requests)
        values = np.column_stack([requests.signal(name) for name in self.names])
        expected = np.column_stack([one.expected(columns) for one in self.baselines])
        means = np.asarray([one.mean for one in self.baselines])
        lengths = columns[:, : len(LENGTHS)]
        one = self.baselines[self.paging[0]]
        low, high = one.column("low")[: len(LENGTHS)], one.column("high")[: len(LENGTHS)]
        outside = ((lengths < low) | (lengths > high)).any(axis=1)
        return np.column_stack([values - expected, expected - means, outside, requests.time])

    def _count(self, requests: Requests) -> None:
        if not len(requests):
            return
        values = requests.signals[:, [requests.names.index(self.names[p]) for p in self.paging]]
        known: NDArray[np.bool_] = np.asarray(np.isfinite(values).any(axis=1))
        self.seen += len(known)
        self.unmeasured += int((~known).sum())
        after = len(known) - 1 - int(np.flatnonzero(known)[-1]) if known.any() else None
        self.unmeasured_in_a_row = self.unmeasured_in_a_row + len(known) if after is None else after
        self.last_time = max(int(requests.time.max()), self.last_time or 0)

    def _add(self, block: Block) -> None:
        for level, length in enumerate(blocks.LENGTHS):
            if length not in self._scales:
                return
            z = block.residual[self.paging] / self._scales[length][self.paging]
            self.evidence.add(length, z)
            if level == 1:
                self.change.add(*block[:5])
            held = self._open[level]
            held.append(block)
            if len(held) < blocks.MERGED:
                return
            block = _joined(held)
            held.clear()

    def state(self) -> State:
        """As JSON has it; NaN is null."""
        return {
            "signals": list(self.names),
            "seen": self.seen,
            "unmeasured": self.unmeasured,
            "unmeasured_in_a_row": self.unmeasured_in_a_row,
            "last_time": self.last_time,
            "evidence": self.evidence.state(),
            "change": self.change.state(),
            "pending": [_nulls(row) for row in self._pending],
            "sessions": self._sessions,
            "open": [[_plain(block) for block in level] for level in self._open],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state` of the same baseline. Raises ValueError."""
        if tuple(state["signals"]) != self.names:
            raise ValueError(f"state has signals {state['signals']}, expected {list(self.names)}")
        self.evidence.restore(state["evidence"])
        self.change.restore(state["change"])
        for name in ("seen", "unmeasured", "unmeasured_in_a_row", "last_time"):
            setattr(self, name, state[name])
        self._pending = [_numbers(row).tolist() for row in state["pending"]]
        self._sessions = list(state["sessions"])
        self._open = [
            [Block(_numbers(b[0]), _numbers(b[1]), *b[2:]) for b in level]
            for level in state["open"]
        ]


def _block(one: SignalBaseline, length: int) -> Any:
    return next(block for block in one.blocks if block.length == length)


def _joined(parts: list[Block]) -> Block:
    """A block of the next length; every part weighs the same."""
    every = np.arange(len(parts), len(parts) + 1)
    residual = blocks.means(np.stack([part.residual for part in parts]), every)[0]
    explained = blocks.means(np.stack([part.explained for part in parts]), every)[0]
    return Block(
        residual,
        explained,
        float(np.mean([part.outside for part in parts])),
        sum(part.requests for part in parts),
        parts[0].first,
        parts[-1].last,
    )


def _plain(block: Block) -> list[Any]:
    return [_nulls(block.residual.tolist()), _nulls(block.explained.tolist()), *block[2:]]


def _nulls(values: list[float]) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values]


def _numbers(values: list[float | None]) -> Floats:
    return np.asarray([np.nan if value is None else value for value in values])
