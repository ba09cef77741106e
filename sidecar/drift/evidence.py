"""Evidence of a change in the requests of one stream, by its frozen bets."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar.drift.baseline.artefact import SignalBaseline
from sidecar.drift.detectors.base import Floats, State
from sidecar.drift.detectors.edetector import BETS
from sidecar.drift.growth import folded, grow, unfolded
from sidecar.drift.views import VIEWS, looked_at

HELD = len(VIEWS) * BETS


class Grown(NamedTuple):
    """Evidence of one signal after each request that has it."""

    known: NDArray[np.int64]
    """[known] places of these requests."""
    evidence: Floats
    """[steps, runs, views · bets], folded."""

    def after(self, requests: int, before: Floats) -> Floats:
        """``[views · bets]`` after so many requests; ``before`` them all."""
        count = int(np.searchsorted(self.known, requests))
        run, step = divmod(count - 1, max(len(self.evidence), 1))
        return self.evidence[step, run] if count else before

    def levels(self, requests: int, before: Floats) -> Floats:
        """``[requests]`` the mean over views and bets after each of the requests."""
        means = unfolded(self.evidence @ np.full(HELD, 1 / HELD), len(self.known))
        count = np.searchsorted(self.known, np.arange(requests), side="right")
        found: Floats = np.append(before.mean(), means)[count]
        return found


class Evidence:
    """E-detectors on every view of every paging signal, with all bets at once."""

    def __init__(self, signals: Sequence[SignalBaseline]) -> None:
        self._bounds = [(one.low, one.high) for one in signals]
        bets = [np.asarray([wager.bets for wager in one.wagers]) for one in signals]
        prices = [np.asarray([wager.prices for wager in one.wagers]) for one in signals]
        self._stakes = [(np.eye(len(VIEWS))[:, :, None] * each).reshape(-1, HELD) for each in bets]
        self._kept = [(1 - each * price).ravel() for each, price in zip(bets, prices, strict=True)]
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._held = np.zeros((len(self._bounds), HELD))

    def add(self, deviations: Floats, threshold: float = np.inf) -> Floats:
        """Take requests until the statistic reaches the threshold; ``[taken]`` its values.

        ``deviations [n, signals]`` are residuals in standard deviations; NaN adds nothing.
        """
        grown = [self._grown(place, column) for place, column in enumerate(deviations.T)]
        pairs = list(zip(grown, self._held, strict=True))
        levels: Floats = np.mean([one.levels(len(deviations), held) for one, held in pairs], axis=0)
        reached = np.flatnonzero(levels >= threshold)
        taken = int(reached[0]) + 1 if len(reached) else len(levels)
        self._held = np.stack([one.after(taken, held) for one, held in pairs])
        return levels[:taken]

    def _grown(self, signal: int, values: Floats) -> Grown:
        """By ``values [n]`` of one signal: factors are ``1 + λ (view − price)``."""
        known = np.flatnonzero(np.isfinite(values))
        seen = folded(looked_at(values[known], *self._bounds[signal]).T)
        factors = seen @ self._stakes[signal]
        factors += self._kept[signal]
        return Grown(known, grow(self._held[signal], factors))

    @property
    def statistic(self) -> float:
        """The average over signals, views and bets; an alarm at A keeps the promise for A."""
        return float(self._held.mean())

    def by_side(self) -> Floats:
        """``[2, signals]`` the same of each signal, for a drop and for a rise."""
        views = self._held.reshape(-1, len(VIEWS), BETS)
        found: Floats = np.stack([views[:, place::2].mean(axis=(1, 2)) for place in (0, 1)])
        return found

    def state(self) -> State:
        """As JSON has it."""
        return {"held": self._held.reshape(-1, len(VIEWS), BETS).tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state` with the same signals. Raises ValueError."""
        held = np.asarray(state["held"], dtype=np.float64)
        wanted = (len(self._held), len(VIEWS), BETS)
        if held.shape != wanted:
            raise ValueError(f"evidence has shape {held.shape}, expected {wanted}")
        self._held = held.reshape(-1, HELD)
