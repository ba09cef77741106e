"""When the evidence of one stream becomes an alert, and when that alert is over."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sidecar.drift.alert import Alert, Movement, moment
from sidecar.drift.baseline.artefact import SignalBaseline
from sidecar.drift.blocks import Rows, means
from sidecar.drift.changepoint import Estimate
from sidecar.drift.detectors.base import Floats, State
from sidecar.drift.recovery import Recovery
from sidecar.drift.requests import Requests, Stream
from sidecar.drift.stream import RouteStream

CHANCE = 4.0
"""Standard errors below which a signal is not said to have moved; its own change was searched for,
which makes three a common sight."""
PATIENCE = 20
"""Requests between two looks at a change that is too small for an alert."""


@dataclass(frozen=True)
class Policy:
    """What is worth an alert, and how often."""

    run_length: float = 10_000_000
    """Requests of a stream to a false alarm, on average at least."""
    least_effect: float = 0.1
    """Shift that is worth an alert, in standard deviations of a request."""
    cool_down: int = 1000
    """Requests after an alert is over before the next."""
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
        self.recovery = Recovery(self.route.likeness, policy.least_effect)
        self.resting = 0

    def update(self, requests: Requests, threshold: float) -> tuple[list[Alert], Floats]:
        """Alerts raised or resolved, and ``[n]`` the paging residuals in standard deviations."""
        rows = self.route.rows_of(requests)
        self.route.count(rows)
        told, place = [], 0
        while place < len(rows):
            taken, alert = self._take(rows.cut(place), threshold)
            place += taken
            if alert:
                told.append(alert)
        return told, self._level(rows)

    def _take(self, rows: Rows, threshold: float) -> tuple[int, Alert | None]:
        """How many requests were taken, and the alert that came with the last of them."""
        if self.open:
            return self._wait(rows)
        if self.resting:
            taken = min(self.resting, len(rows))
            self.resting -= taken
            return taken, None
        if self.route.evidence.statistic < threshold:
            taken = self.route.weigh(rows, threshold)
        else:
            taken = self.route.weigh(rows.cut(0, PATIENCE), np.inf)
        if self.route.evidence.statistic < threshold:
            return taken, None
        self.route.settle()
        return taken, self._raised(float(rows.time[taken - 1]))

    def _level(self, rows: Rows) -> Floats:
        """The mean of the paging signals that are known."""
        found: Floats = means(self.route.deviations(rows).T, 1)[0]
        return found

    def _raised(self, now: float) -> Alert | None:
        side, place = self._strongest()
        found = self.route.change.estimate(side, place)
        if not found or abs(found.shift) < self.policy.least_effect * self.route.scale[place]:
            return None
        self.open = self._alert(now, side, place, found)
        self.recovery.begin(self.open.deviations, self.open.requests)
        return self.open

    def _strongest(self) -> tuple[int, int]:
        """Direction, and place of the paging signal, with the most evidence."""
        held = self.route.evidence.by_side()
        side, place = np.unravel_index(int(held.argmax()), held.shape)
        return int(side), self.route.paging[int(place)]

    def _alert(self, now: float, side: int, place: int, found: Estimate) -> Alert:
        one = self.route.baselines[place]
        moved, still = self._movements()
        return Alert(
            id=self._id(now),
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
            since=moment(found.since),
            raised=moment(now),
            requests=found.requests,
            run_length=self.policy.run_length,
            moved=moved,
            still=still,
        )

    def _id(self, now: float) -> str:
        text = f"{self.stream.model}\n{self.stream.route}\n{int(now)}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _movements(self) -> tuple[tuple[Movement, ...], tuple[str, ...]]:
        route, moved, still = self.route, [], []
        for place, name in enumerate(route.names):
            shift = self._shift(place)
            deviations = shift / float(route.scale[place])
            if abs(deviations) >= self.policy.least_effect:
                moved.append(Movement(signal=name, shift=shift, deviations=deviations))
            else:
                still.append(name)
        moved.sort(key=lambda one: -abs(one.deviations))
        return tuple(moved), tuple(still)

    def _shift(self, place: int) -> float:
        """Of one signal since its own change; 0 where a few requests may have it by chance."""
        one, largest = self.route.baselines[place], 0.0
        for side in (0, 1):
            found = self.route.change.estimate(side, place)
            error = one.scale * (one.likeness / found.requests) ** 0.5 if found else 0.0
            if found and abs(found.shift) >= max(CHANCE * error, abs(largest)):
                largest = found.shift
        return largest

    def _wait(self, rows: Rows) -> tuple[int, Alert | None]:
        """Requests up to the one with which the open alert is over, or all."""
        assert self.open
        place = self.route.names.index(self.open.signal)
        deviations = rows.residual[:, place] / self.route.scale[place]
        taken = self.recovery.add(deviations)
        if taken is None:
            return len(rows), None
        return taken, self._resolved(float(rows.time[taken - 1]))

    def _resolved(self, now: float) -> Alert:
        assert self.open
        over = self.open.model_copy(update={"state": "resolved", "resolved": moment(now)})
        self.resting = 0 if self.recovery.is_beyond else self.policy.cool_down
        self.open = None
        self.route.forget()
        return over

    def state(self) -> State:
        """As JSON has it."""
        return {
            "route": self.route.state(),
            "open": self.open.model_dump(mode="json") if self.open else None,
            "resting": self.resting,
            "recovery": self.recovery.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state` of the same baseline. Raises ValueError."""
        self.route.restore(state["route"])
        self.open = Alert.model_validate(state["open"]) if state["open"] else None
        self.resting = state["resting"]
        self.recovery.restore(state["recovery"])
