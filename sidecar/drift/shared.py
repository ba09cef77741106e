"""When what all routes of a model show becomes an alert, and when that alert is over."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sidecar.drift.alert import FLEET, Alert, moment
from sidecar.drift.detectors.base import Floats, State
from sidecar.drift.fleet import LENGTH, Fleet
from sidecar.drift.watch import Policy, Watch, enough, half_of


class SharedWatch:
    """The median of a model's routes with its open alert, if any."""

    def __init__(self, routes: Sequence[Watch], margin: float, policy: Policy) -> None:
        """``margin`` in the signals' unit."""
        first = routes[0]
        self._signal = first.route.names[first.route.paging[0]]
        self._calibrated = all(one.route.calibrated for one in routes)
        self._likeness = max(one.route.likeness for one in routes)
        self._model, self._policy = first.stream.model, policy
        self._scale = float(np.median([one.route.scale[one.route.paging].mean() for one in routes]))
        self.fleet = Fleet(len(routes), margin / self._scale, self._likeness)
        self.open: Alert | None = None
        self.resting = self._back = 0
        self._recent: list[float] = [0.0, 0]

    def update(self, route: str, deviations: Floats, now: int, threshold: float) -> list[Alert]:
        """Take a route's requests until ``now`` (µs); the alert raised or resolved by them."""
        if not self.fleet.add(route, deviations, now):
            return []
        if self.open:
            return self._resolved(now) if self._is_over(self.open) else []
        if self.resting:
            self.resting = max(0, self.resting - LENGTH)
            self.fleet.reset()
            return []
        return self._raised(now) if self.fleet.statistic >= threshold else []

    def _raised(self, now: int) -> list[Alert]:
        found = self.fleet.change()
        if abs(found.deviations) < self._policy.least_effect:
            return []
        self._back, self._recent = 0, [0.0, 0]
        self.open = Alert(
            id=hashlib.sha256(f"{self._model}\n{FLEET}\n{now}".encode()).hexdigest()[:16],
            kind="behaviour",
            model_name=self._model,
            route=FLEET,
            signal=self._signal,
            calibrated=self._calibrated,
            direction="rise" if found.deviations > 0 else "drop",
            shift=found.deviations * self._scale,
            percent=0.0,
            deviations=found.deviations,
            explained=0.0,
            since=moment(found.since),
            raised=moment(now),
            requests=found.requests,
            run_length=self._policy.run_length,
        )
        return [self.open]

    def _is_over(self, alert: Alert) -> bool:
        """Whether the median has come back by half, as an alert of a route does."""
        total, count = self._recent
        self._recent = [total + self.fleet.latest, count + 1]
        half = half_of(alert, self._likeness)
        if (count + 1) * LENGTH < enough(half, self._likeness):
            return False
        mean, self._recent = self._recent[0] / (count + 1), [0.0, 0]
        sign = 1 if alert.direction == "rise" else -1
        self._back = self._back + 1 if sign * mean < half else 0
        return self._back >= self._policy.resolve_after

    def _resolved(self, now: int) -> list[Alert]:
        assert self.open
        over = self.open.model_copy(update={"state": "resolved", "resolved": moment(now)})
        self.open, self.resting = None, self._policy.cool_down
        self.fleet.reset()
        return [over]

    def state(self) -> State:
        """As JSON has it."""
        return {
            "fleet": self.fleet.state(),
            "open": self.open.model_dump(mode="json") if self.open else None,
            "resting": self.resting,
            "back": self._back,
            "recent": self._recent,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state` of the same baseline. Raises ValueError."""
        self.fleet.restore(state["fleet"])
        self.open = Alert.model_validate(state["open"]) if state["open"] else None
        self.resting, self._back = state["resting"], state["back"]
        self._recent = list(state["recent"])
