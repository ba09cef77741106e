"""When what all routes of a model show becomes an alert, and when that alert is over."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sidecar.drift.alert import FLEET, Alert, moment
from sidecar.drift.detectors.base import Floats, State
from sidecar.drift.fleet import LENGTH, Fleet
from sidecar.drift.recovery import Recovery
from sidecar.drift.watch import Policy, Watch


class SharedWatch:
    """The median of a model's routes with its open alert, if any."""

    def __init__(self, routes: Sequence[Watch], margin: float, policy: Policy) -> None:
        """``margin`` in the signals' unit."""
        first = routes[0]
        self._signal = first.route.names[first.route.paging[0]]
        self._calibrated = all(one.route.calibrated for one in routes)
        likeness = max(one.route.likeness for one in routes)
        self._model, self._policy = first.stream.model, policy
        self._scale = float(np.median([one.route.scale[one.route.paging].mean() for one in routes]))
        self.fleet = Fleet(len(routes), margin / self._scale, likeness)
        self.open: Alert | None = None
        self.recovery = Recovery(likeness, policy.least_effect)
        self.resting = 0

    def update(self, route: str, deviations: Floats, now: int, threshold: float) -> list[Alert]:
        """Take a route's requests until ``now`` (µs); the alert raised or resolved by them."""
        if not self.fleet.add(route, deviations, now):
            return []
        if self.open:
            taken = self.recovery.add(np.asarray([self.fleet.latest]), LENGTH)
            return self._resolved(now) if taken else []
        if self.resting:
            self.resting = max(0, self.resting - LENGTH)
            self.fleet.reset()
            return []
        return self._raised(now) if self.fleet.statistic >= threshold else []

    def _raised(self, now: int) -> list[Alert]:
        found = self.fleet.change()
        if abs(found.deviations) < self._policy.least_effect:
            return []
        self.recovery.begin(found.deviations, found.requests)
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
            "recovery": self.recovery.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state` of the same baseline. Raises ValueError."""
        self.fleet.restore(state["fleet"])
        self.open = Alert.model_validate(state["open"]) if state["open"] else None
        self.resting = state["resting"]
        self.recovery.restore(state["recovery"])
