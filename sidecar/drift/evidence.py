"""Evidence of a change in the requests of one stream, by its frozen bets."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sidecar.drift.baseline.artefact import SignalBaseline
from sidecar.drift.detectors.base import Floats, State
from sidecar.drift.detectors.edetector import BETS, grow
from sidecar.drift.views import VIEWS, looked_at


class Evidence:
    """E-detectors on every view of every paging signal, with all bets at once."""

    def __init__(self, signals: Sequence[SignalBaseline]) -> None:
        self._bounds = [(one.low, one.high) for one in signals]
        self._bets = [np.asarray([wager.bets for wager in one.wagers]) for one in signals]
        self._costs = [
            1 - bets * np.asarray([wager.prices for wager in one.wagers])
            for bets, one in zip(self._bets, signals, strict=True)
        ]
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._held = np.zeros((len(self._bets), len(VIEWS), BETS))

    def add(self, deviations: Floats, threshold: float = np.inf) -> Floats:
        """Take requests until the statistic reaches the threshold; ``[taken]`` its values.

        ``deviations [n, signals]`` are residuals in standard deviations; NaN adds nothing.
        """
        grown = [self._grown(place, column) for place, column in enumerate(deviations.T)]
        levels: Floats = np.mean([level for _, level, _ in grown], axis=0)
        reached = np.flatnonzero(levels >= threshold)
        taken = int(reached[0]) + 1 if len(reached) else len(levels)
        for place, (every, _, known) in enumerate(grown):
            count = int(np.searchsorted(known, taken))
            if count:
                self._held[place] = every[count - 1]
        return levels[:taken]

    def _grown(self, signal: int, values: Floats) -> tuple[Floats, Floats, Any]:
        """Evidence ``[known, view, bet]``, its mean after each of ``values``, places of known."""
        known = np.flatnonzero(np.isfinite(values))
        seen = looked_at(values[known], *self._bounds[signal])
        factors = seen.T[:, :, None] * self._bets[signal]
        factors += self._costs[signal]
        every = grow(self._held[signal], factors)
        level = np.concatenate(([self._held[signal].mean()], every.mean(axis=(1, 2))))
        return every, level[np.searchsorted(known, np.arange(len(values)), side="right")], known

    @property
    def statistic(self) -> float:
        """The average over signals, views and bets; an alarm at A keeps the promise for A."""
        return float(self._held.mean())

    def by_side(self) -> Floats:
        """``[2, signals]`` the same of each signal, for a drop and for a rise."""
        found: Floats = np.stack([self._held[:, place::2].mean(axis=(1, 2)) for place in (0, 1)])
        return found

    def state(self) -> State:
        """As JSON has it."""
        return {"held": self._held.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state` with the same signals. Raises ValueError."""
        held = np.asarray(state["held"], dtype=np.float64)
        if held.shape != self._held.shape:
            raise ValueError(f"evidence has shape {held.shape}, expected {self._held.shape}")
        self._held = held
