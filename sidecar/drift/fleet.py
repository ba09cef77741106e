"""The median of all routes of a model: a fault that they share shows here first."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sidecar.drift.blocks import LENGTHS
from sidecar.drift.detectors.base import State
from sidecar.drift.evidence import Evidence

FEWEST_ROUTES = 3
LENGTH = LENGTHS[0]


class Fleet:
    """Evidence from the medians of standardised block means, one from each route at a time.

    The null is that no more than half of the routes have changed. A median of few skewed means is
    a little off their mean; the margin has to allow for it.
    """

    def __init__(self, routes: int, margin: float) -> None:
        """``margin`` in standard deviations of a block's mean."""
        self._routes = routes
        self.evidence = Evidence((LENGTH,), {LENGTH: np.full((2, 1), margin)})
        self.reset()

    @property
    def watches(self) -> bool:
        """Whether there are routes enough for a median."""
        return self._routes >= FEWEST_ROUTES

    def reset(self) -> None:
        """Forget everything."""
        self.evidence.reset()
        self._waiting: dict[str, list[float]] = {}
        self.median, self.blocks = 0.0, 0
        """Mean of the medians, and how many there were."""

    def add(self, route: str, z: float) -> bool:
        """Take a route's block; whether a median came of it."""
        if not self.watches or not np.isfinite(z):
            return False
        total, count = self._waiting.get(route, [0.0, 0.0])
        self._waiting[route] = [total + z, count + 1]
        if len(self._waiting) < max(FEWEST_ROUTES, (self._routes + 1) // 2):
            return False
        median = float(np.median([total / count for total, count in self._waiting.values()]))
        self._waiting.clear()
        self.evidence.add(LENGTH, np.asarray([median]))
        self.blocks += 1
        self.median += (median - self.median) / min(self.blocks, 100)
        return True

    def state(self) -> State:
        """As JSON has it."""
        return {
            "evidence": self.evidence.state(),
            "waiting": self._waiting,
            "median": self.median,
            "blocks": self.blocks,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        self.evidence.restore(state["evidence"])
        self._waiting = {route: list(held) for route, held in state["waiting"].items()}
        self.median, self.blocks = state["median"], state["blocks"]
