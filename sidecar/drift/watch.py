"""When the evidence of one stream becomes an alert, and when that alert is over."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from sidecar.drift.alert import Alert, Movement
from sidecar.drift.baseline.artefact import SignalBaseline
from sidecar.drift.blocks import LENGTHS
from sidecar.drift.changepoint import Estimate
from sidecar.drift.detectors.base import State
from sidecar.drift.requests import Requests, Stream
from sidecar.drift.stream import Block, RouteStream


@dataclass(frozen=True)
class Policy:
    """What is worth an alert, and how often."""

    run_length: float = 10_000_000
    """Requests of a stream to a false alarm, on average at least."""
    least_effect: float = 0.1
    """Shift that is worth an alert, in standard deviations of a request."""
    cool_down: int = 1000
    """Requests after an alert is over before the next."""
    resolve_after: int = 3
    """Longest blocks in a row that are back by half, after which an alert is over."""
    unmeasured_after: int = 100
    """Requests in a row without a paging signal that make a stream unmeasured."""
    silent_after: float = 3600.0
    """Seconds without a request that make a stream unmeasured."""


class Watch:
    """A stream with its open alert, if any."""

    def __init__(
        self,
        stream: Stream,
        signals: Mapping[str, SignalBaseline],
        margin: float,
        policy: Policy,
    ) -> None:
        self.stream, self.policy = stream, policy
        self.route = RouteStream(signals, margin, policy.least_effect)
        self.open: Alert | None = None
        self.resting = self._back = 0
        self._recent: list[list[float]] = []

    def update(self, requests: Requests, threshold: float) -> tuple[list[Alert], list[float]]:
        """Alerts raised or resolved, and the standardised paging means of the blocks."""
        told, levels = [], []
        for block in self.route.update(requests):
            alert = self._look(block, threshold)
            if alert:
                told.append(alert)
            levels.append(self._level(block))
        return told, levels

    def _level(self, block: Block) -> float:
        known = block.residual[self.route.paging]
        scale = self.route.scale[self.route.paging] / np.sqrt(LENGTHS[0])
        z = (known / scale)[np.isfinite(known)]
        return float(z.mean()) if len(z) else float("nan")

    def _look(self, block: Block, threshold: float) -> Alert | None:
        if self.open:
            return self._resolved(block)
        if self.resting > 0:
            self.resting -= block.requests
            self._forget()
            return None
        if float(self.route.evidence.statistic()) < threshold:
            return None
        return self._raised(block)

    def _raised(self, block: Block) -> Alert | None:
        side, place = self._strongest()
        found = self.route.change.estimate(side, place)
        if not found or abs(found.shift) < self.policy.least_effect * self.route.scale[place]:
            return None
        self.open = self._alert(block, side, place, found)
        self._back, self._recent = 0, []
        return self.open

    def _strongest(self) -> tuple[int, int]:
        """Direction, and place of the paging signal, with the most evidence."""
        held = self.route.evidence.by_signal()
        side, place = np.unravel_index(int(held.argmax()), held.shape)
        return int(side), self.route.paging[int(place)]

    def _alert(self, block: Block, side: int, place: int, found: Estimate) -> Alert:
        one = self.route.baselines[place]
        moved, still = self._movements()
        return Alert(
            id=self._id(block),
            kind="traffic" if found.outside > 0.5 else "behaviour",
            model_name=self.stream.model,
            route=self.stream.route,
            signal=one.signal,
            calibrated=self.route.calibrated,
            direction="rise" if side else "drop",
            shift=found.shift,
            percent=100 * found.shift / one.mean if one.mean else 0.0,
            deviations=found.shift / one.scale,
            explained=found.explained,
            since=_moment(found.since),
            raised=_moment(block.last),
            requests=found.requests,
            run_length=self.policy.run_length,
            moved=moved,
            still=still,
        )

    def _id(self, block: Block) -> str:
        text = f"{self.stream.model}\n{self.stream.route}\n{block.last}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _movements(self) -> tuple[tuple[Movement, ...], tuple[str, ...]]:
        route, moved, still = self.route, [], []
        for place, name in enumerate(route.names):
            sides = (route.change.estimate(side, place) for side in (0, 1))
            shift = max((found.shift for found in sides if found), key=abs, default=0.0)
            deviations = shift / float(route.scale[place])
            if abs(deviations) >= self.policy.least_effect:
                moved.append(Movement(signal=name, shift=shift, deviations=deviations))
            else:
                still.append(name)
        moved.sort(key=lambda one: -abs(one.deviations))
        return tuple(moved), tuple(still)

    def _resolved(self, block: Block) -> Alert | None:
        """The alert, when the signal has come back by half for long enough."""
        assert self.open
        place = self.route.names.index(self.open.signal)
        if np.isfinite(block.residual[place]):
            self._recent.append([float(block.residual[place])])
        if len(self._recent) * LENGTHS[0] < LENGTHS[-1]:
            return None
        mean = float(np.mean(self._recent))
        self._recent = []
        sign = 1 if self.open.direction == "rise" else -1
        self._back = self._back + 1 if sign * mean < abs(self.open.shift) / 2 else 0
        if self._back < self.policy.resolve_after:
            return None
        over = self.open.model_copy(update={"state": "resolved", "resolved": _moment(block.last)})
        self.open, self.resting = None, self.policy.cool_down
        self._forget()
        return over

    def _forget(self) -> None:
        self.route.evidence.reset()
        self.route.change.reset()

    def state(self) -> State:
        """As JSON has it."""
        return {
            "route": self.route.state(),
            "open": self.open.model_dump(mode="json") if self.open else None,
            "resting": self.resting,
            "back": self._back,
            "recent": self._recent,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state` of the same baseline. Raises ValueError."""
        self.route.restore(state["route"])
        self.open = Alert.model_validate(state["open"]) if state["open"] else None
        self.resting, self._back = state["resting"], state["back"]
        self._recent = list(state["recent"])


def _moment(microseconds: float) -> datetime:
    return datetime.fromtimestamp(int(microseconds) / 1e6, UTC)
