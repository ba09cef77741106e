"""When the evidence of one stream becomes an alert, and when that alert is over."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sidecar.drift.alert import Alert, Movement, moment
from sidecar.drift.baseline.artefact import SignalBaseline
from sidecar.drift.blocks import Rows, means
from sidecar.drift.changepoint import Estimate
from sidecar.drift.detectors.base import Floats, State
from sidecar.drift.requests import Requests, Stream
from sidecar.drift.stream import RouteStream

RECENT = 80
"""Requests whose mean says whether a change is still there, at least."""
SURE = 2.0
"""Standard errors by which an alert's shift may be estimated too large, and by which its half must
be known from such a mean."""
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
    resolve_after: int = 3
    """Means in a row that have come back by half of what the shift surely was, after which an alert
    is over; of 80 requests, or of so many that chance seldom brings a mean back."""
    unmeasured_after: int = 100
    """Requests in a row without a paging signal that make a stream unmeasured."""
    silent_after: float = 3600.0
    """Seconds without a request that make a stream unmeasured."""


def half_of(alert: Alert, likeness: float) -> float:
    """Half of what an alert's shift surely was, in standard deviations of a request.

    An alert is raised where chance has helped, so its shift is estimated too large rather than too
    small; half of that could be the shift itself.
    """
    found = abs(alert.deviations)
    error = math.sqrt(likeness / max(alert.requests, 1))
    return max(found - SURE * error, found / 3) / 2


def enough(half: float, likeness: float) -> int:
    """Requests whose mean is known to ``half``, in standard deviations of a request.

    >>> enough(1.0, 1.0), enough(0.15, 4.0)
    (80, 712)
    """
    return max(RECENT, math.ceil(likeness * (SURE / half) ** 2))


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
        self._other_way = False
        self._recent: list[float] = [0.0, 0]

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
        self._back, self._recent = 0, [0.0, 0]
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
        for number, value in enumerate(deviations.tolist(), 1):
            if np.isfinite(value) and self._is_over(value):
                return number, self._resolved(float(rows.time[number - 1]))
        return len(rows), None

    def _is_over(self, deviation: float) -> bool:
        """Whether the signal has come back by half for long enough."""
        assert self.open
        total, count = self._recent
        self._recent = [total + deviation, count + 1]
        half = half_of(self.open, self.route.likeness)
        if count + 1 < enough(half, self.route.likeness):
            return False
        mean, self._recent = self._recent[0] / (count + 1), [0.0, 0]
        sign = 1 if self.open.direction == "rise" else -1
        self._back = self._back + 1 if sign * mean < half else 0
        self._other_way = abs(mean) >= half
        return self._back >= self.policy.resolve_after

    def _resolved(self, now: float) -> Alert:
        assert self.open
        over = self.open.model_copy(update={"state": "resolved", "resolved": moment(now)})
        self.open, self.resting = None, 0 if self._other_way else self.policy.cool_down
        self.route.forget()
        return over

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
