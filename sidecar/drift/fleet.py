"""The median of all routes of a model: it finds a fault that they share and none shows alone."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from sidecar.drift.detectors.base import Floats, State
from sidecar.drift.detectors.edetector import BETS, FAR, NEAR, advance, bets

FEWEST_ROUTES = 3
LENGTH = 20
"""Requests of a route that make a mean, at least."""
SLACK = 0.5
"""By which a median has to be beyond its standard error, to count as changed."""
HELD = ("excess", "shift", "medians", "requests", "since")


class Shared(NamedTuple):
    """What the median has done since it changed."""

    deviations: float
    """In standard deviations of a request; below 0 for a drop."""
    requests: int
    """Of all routes."""
    since: int
    """Microseconds since the epoch."""


class Fleet:
    """Evidence from the medians of standardised means, one from each route at a time.

    The null is that no more than half of the routes have left the margin. A median of few skewed
    means is a little off their mean; the margin has to allow for it.
    """

    def __init__(self, routes: int, margin: float, likeness: float) -> None:
        """``margin`` in standard deviations of a request; ``likeness`` as a baseline has it."""
        self._routes, self._margin, self._likeness = routes, margin, likeness
        self._bets = bets(0.0)
        self.latest = 0.0
        """The last median, in standard deviations of a request."""
        self.reset()

    @property
    def watches(self) -> bool:
        """Whether there are routes enough for a median."""
        return self._routes >= FEWEST_ROUTES

    @property
    def statistic(self) -> float:
        """Evidence of a shared change, in requests of a route."""
        return float(self._held.mean()) * LENGTH

    def reset(self) -> None:
        """Forget everything."""
        self._held = np.zeros((2, BETS))
        self._waiting: dict[str, list[float]] = {}
        self.excess, self.shift, self.medians, self.requests, self.since = np.zeros((5, 2))

    def add(self, route: str, deviations: Floats, now: int) -> bool:
        """Take a route's requests until ``now`` (µs); whether a median came of them."""
        known = deviations[np.isfinite(deviations)]
        if not self.watches or not len(known):
            return False
        total, count = self._waiting.get(route, [0.0, 0])
        self._waiting[route] = [total + float(known.sum()), count + len(known)]
        ready = [held for held in self._waiting.values() if held[1] >= LENGTH]
        if len(ready) < max(FEWEST_ROUTES, (self._routes + 1) // 2):
            return False
        self._weigh(np.asarray(ready), now)
        self._waiting = {name: one for name, one in self._waiting.items() if one[1] < LENGTH}
        return True

    def _weigh(self, ready: Floats, now: int) -> None:
        """One step of evidence by the median of standardised means, each side beyond the margin."""
        totals, counts = ready.T
        means, errors = totals / counts, np.sqrt(self._likeness / counts)
        sides = np.asarray(
            [
                -np.median((means + self._margin) / errors),
                np.median((means - self._margin) / errors),
            ]
        )
        self._held = advance(self._held, np.clip(sides, -NEAR, FAR), self._bets)
        self.latest = float(np.median(means))
        self._follow(sides, int(counts.sum()), now)

    def _follow(self, signed: Floats, requests: int, now: int) -> None:
        """Page's sums of drop and rise; a change began where its sum was last 0."""
        fresh = self.excess == 0
        self.since = np.where(fresh, now, self.since)
        for name, added in (("shift", self.latest), ("medians", 1), ("requests", requests)):
            setattr(self, name, np.where(fresh, 0.0, getattr(self, name)) + added)
        self.excess = np.maximum(self.excess + signed - SLACK, 0.0)

    def change(self) -> Shared:
        """Of the direction that has more evidence."""
        side = int(self._held.mean(axis=1).argmax())
        deviations = self.shift[side] / max(self.medians[side], 1)
        return Shared(float(deviations), int(self.requests[side]), int(self.since[side]))

    def state(self) -> State:
        """As JSON has it."""
        sums = {name: getattr(self, name).tolist() for name in HELD}
        return {
            "held": self._held.tolist(),
            "waiting": self._waiting,
            "latest": self.latest,
            **sums,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        self._held = np.asarray(state["held"], dtype=np.float64)
        self._waiting = {route: list(held) for route, held in state["waiting"].items()}
        self.latest = state["latest"]
        for name in HELD:
            setattr(self, name, np.asarray(state[name], dtype=np.float64))
