"""One stream: residuals of its requests, their evidence, and where its change began."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.drift.baseline.artefact import SignalBaseline
from sidecar.drift.blocks import LENGTH, Rows, blocks
from sidecar.drift.changepoint import ChangePoint
from sidecar.drift.detectors.base import Floats, State
from sidecar.drift.evidence import Evidence
from sidecar.drift.expectation import Expectation
from sidecar.drift.requests import FALLBACK, PRIMARY, Requests

MEMORY, HALF = 100, 0.5
COUNTERS = ("seen", "unmeasured", "unmeasured_in_a_row", "last_time")


class RouteStream:
    """The signals of one model on one route; memory does not grow with requests."""

    def __init__(
        self, signals: Mapping[str, SignalBaseline], margin: float, least_effect: float
    ) -> None:
        """``margin`` in the signals' unit, ``least_effect`` in standard deviations of a request."""
        self.names = tuple(signals)
        self.baselines = tuple(signals.values())
        self.calibrated = PRIMARY in signals
        pages = (PRIMARY,) if self.calibrated else FALLBACK
        self.paging = [place for place, name in enumerate(self.names) if name in pages]
        self.scale = np.asarray([one.scale for one in self.baselines])
        self.likeness = max(self.baselines[place].likeness for place in self.paging)
        self.evidence = Evidence([self.baselines[place] for place in self.paging])
        self.change = ChangePoint(margin, self.scale * least_effect)
        self.seen = self.unmeasured = self.unmeasured_in_a_row = 0
        self.last_time: int | None = None
        self.measured: Floats = np.zeros(len(self.paging))
        """Of about the latest 100 requests, the share that has each paging signal; those that have
        not come yet have none."""
        self._expectation = Expectation(self.baselines, self.paging[0])
        self._pending = self.rows_of(Requests.none())

    def rows_of(self, requests: Requests) -> Rows:
        """Residuals, and what is explained."""
        explained = self._expectation.of(requests)
        values = requests.signals[:, [requests.names.index(name) for name in self.names]]
        outside, time = self._expectation.uncovered(requests), requests.time.astype(np.float64)
        return Rows(values - self._expectation.means - explained, explained, outside, time)

    def deviations(self, rows: Rows) -> Floats:
        """``[n, paging]`` residuals of the paging signals in standard deviations."""
        found: Floats = rows.residual[:, self.paging] / self.scale[self.paging]
        return found

    def weigh(self, rows: Rows, threshold: float) -> int:
        """Take requests as evidence, up to the first with which it reaches the threshold."""
        taken = len(self.evidence.add(self.deviations(rows), threshold))
        every = rows.cut(0, taken).after(self._pending)
        done = len(every) // LENGTH * LENGTH
        self.change.add(blocks(every))
        self._pending = every.cut(done)
        return taken

    def settle(self) -> None:
        """Let the change point know of the last requests too, however few."""
        if len(self._pending):
            self.change.add(blocks(self._pending, len(self._pending)))
            self._pending = self._pending.cut(len(self._pending))

    def forget(self) -> None:
        """All evidence and the change point."""
        self.evidence.reset()
        self.change.reset()
        self._pending = self._pending.cut(len(self._pending))

    def count(self, rows: Rows) -> None:
        """How many were measured, and when the last was."""
        if not len(rows):
            return
        each: NDArray[np.bool_] = np.isfinite(rows.residual[:, self.paging])
        known: NDArray[np.bool_] = np.asarray(each.any(axis=1))
        keep = (1 - 1 / MEMORY) ** np.arange(len(each) - 1, -1, -1.0)
        self.measured = self.measured * keep[0] * (1 - 1 / MEMORY) + keep @ each / MEMORY
        self.seen += len(known)
        self.unmeasured += int((~known).sum())
        after = len(known) - 1 - int(np.flatnonzero(known)[-1]) if known.any() else None
        self.unmeasured_in_a_row = self.unmeasured_in_a_row + len(known) if after is None else after
        self.last_time = int(rows.time[-1])

    def missing(self) -> str:
        """The paging signal that less than half of the latest requests have; empty if none."""
        have_come = 1 - (1 - 1 / MEMORY) ** self.seen
        place = int(self.measured.argmin())
        return self.names[self.paging[place]] if self.measured[place] < HALF * have_come else ""

    def state(self) -> State:
        """As JSON has it; NaN is null."""
        return {
            "signals": list(self.names),
            **{name: getattr(self, name) for name in COUNTERS},
            "measured": self.measured.tolist(),
            "evidence": self.evidence.state(),
            "change": self.change.state(),
            "pending": [_nulls(part) for part in self._pending.parts],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state` of the same baseline. Raises ValueError."""
        if tuple(state["signals"]) != self.names:
            raise ValueError(f"state has signals {state['signals']}, expected {list(self.names)}")
        self.evidence.restore(state["evidence"])
        self.change.restore(state["change"])
        self.measured = np.asarray(state["measured"], dtype=np.float64)
        for name in COUNTERS:
            setattr(self, name, state[name])
        shapes = [(-1, *part.shape[1:]) for part in self._pending.parts]
        parts = zip(state["pending"], shapes, strict=True)
        self._pending = Rows(*(_numbers(part).reshape(shape) for part, shape in parts))


def _nulls(values: Floats) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.ravel().tolist()]


def _numbers(values: list[float | None]) -> Floats:
    return np.asarray([np.nan if value is None else value for value in values], dtype=np.float64)
