"""The median of all routes of a model: a fault that they share shows here first."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sidecar.drift.detectors.base import Floats, State
from sidecar.drift.detectors.edetector import BETS, advance, bets, shortfall

FEWEST_ROUTES = 3
LENGTH = 20
"""Requests of a route that make a mean, at least."""


class Fleet:
    """Evidence from the medians of standardised means, one from each route at a time.

    The null is that no more than half of the routes have changed. A median of few skewed means is
    a little off their mean; the margin has to allow for it.
    """

    def __init__(self, routes: int, margin: float, likeness: float) -> None:
        """``margin`` in standard deviations of a request; ``likeness`` as a baseline has it."""
        self._routes, self._margin, self._likeness = routes, margin, likeness
        self._bets = bets(0.0)
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
        self.median, self.medians = 0.0, 0
        """Running mean of the medians, in standard deviations of a request, and their number."""

    def add(self, route: str, deviations: Floats) -> bool:
        """Take a route's requests; whether a median came of them."""
        known = deviations[np.isfinite(deviations)]
        if not self.watches or not len(known):
            return False
        total, count = self._waiting.get(route, [0.0, 0])
        self._waiting[route] = [total + float(known.sum()), count + len(known)]
        ready = [held for held in self._waiting.values() if held[1] >= LENGTH]
        if len(ready) < max(FEWEST_ROUTES, (self._routes + 1) // 2):
            return False
        self._weigh(ready)
        self._waiting = {name: one for name, one in self._waiting.items() if one[1] < LENGTH}
        return True

    def _weigh(self, ready: list[list[float]]) -> None:
        """One step of evidence by the median of standardised means, less the margin."""
        means = np.asarray([total / count for total, count in ready])
        errors = np.sqrt([self._likeness / count for _, count in ready])
        beyond = np.sign(means) * np.maximum(abs(means) - self._margin, 0)
        short = shortfall(np.asarray(np.median(beyond / errors)), 0.0)
        self._held = advance(self._held, short, self._bets)
        self.medians += 1
        self.median += (float(np.median(means)) - self.median) / min(self.medians, 100)

    def state(self) -> State:
        """As JSON has it."""
        return {
            "held": self._held.tolist(),
            "waiting": self._waiting,
            "median": self.median,
            "medians": self.medians,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        self._held = np.asarray(state["held"], dtype=np.float64)
        self._waiting = {route: list(held) for route, held in state["waiting"].items()}
        self.median, self.medians = state["median"], state["medians"]
