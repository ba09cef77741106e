"""What the latest requests of a stream were expected to be, and what is left over."""

import time
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sidecar.drift import Expectation, Requests, SignalBaseline

MEMORY = 100
"""Requests that a mean is about."""


class Recent:
    """Means that forget; ``[signal]`` in the order of the baseline."""

    def __init__(self, signals: Mapping[str, SignalBaseline]) -> None:
        self.names = tuple(signals)
        self._expectation = Expectation(tuple(signals.values()))
        self.expected = np.full(len(signals), np.nan)
        self.residual = np.full(len(signals), np.nan)
        """NaN until a signal was measured."""
        self.requests = 0
        self._counts = np.zeros((2, len(signals)))
        self.last = 0.0
        """Time of the last request, seconds since the epoch."""
        self._heard: float | None = None

    def add(self, requests: Requests) -> None:
        """Take requests in order."""
        expected = self._expectation.means + self._expectation.of(requests)
        values = np.column_stack([requests.signal(name) for name in self.names])
        self.expected = self._moved(0, self.expected, expected)
        self.residual = self._moved(1, self.residual, values - expected)
        self.requests += len(requests)
        self.last, self._heard = float(requests.time[-1]) / 1e6, time.monotonic()

    def now(self, otherwise: float) -> float:
        """Seconds since the epoch by the requests' own clock; ``otherwise`` before the first.

        A clock that is set, here or at the engine, makes no stream silent and wakes none.
        """
        return otherwise if self._heard is None else self.last + time.monotonic() - self._heard

    def _moved(
        self, which: int, mean: NDArray[np.float64], values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """With ``[requests, signal]`` values: each weighs 1 / (those so far), 1 / 100 at least."""
        known = np.isfinite(values)
        counts = self._counts[which] + np.cumsum(known, axis=0)
        weight = known / np.clip(counts, 1, MEMORY)
        left = np.cumprod((1 - weight)[::-1], axis=0)[::-1]
        weight[:-1] *= left[1:]
        self._counts[which] = counts[-1]
        before = np.where(np.isfinite(mean), mean, 0.0) * left[0]
        moved = before + (weight * np.where(known, values, 0.0)).sum(axis=0)
        return np.where(counts[-1] > 0, moved, np.nan)
