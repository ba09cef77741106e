"""Since when, and by how much: Page's sums of the blocks, for drop and rise of every signal."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sidecar.drift.detectors.base import Floats, State

HELD = ("excess", "shift", "explained", "outside", "requests", "since")


class ChangePoint:
    """A running estimate of the last change, ``[2, signal]`` each, in memory that does not grow.

    Formula: ``S = max(0, S ± x − k)``; the change is where the sum was last 0.
    Source: Page 1954; Hinkley 1971, "Inference about the change-point from cumulative sum tests".
    """

    def __init__(self, slack: Floats) -> None:
        """``slack [signal]``: half the change worth knowing, in the signal's unit."""
        self._slack = slack
        self.reset()

    def reset(self) -> None:
        """Nothing has changed yet."""
        shape = (2, len(self._slack))
        self.excess, self.shift, self.explained, self.outside, self.requests, self.since = (
            np.zeros(shape) for _ in HELD
        )

    def add(
        self, mean: Floats, explained: Floats, outside: float, requests: int, first: int
    ) -> None:
        """Take a block: ``mean [signal]`` of residuals, what lengths and hours ``explained``,

        the share of requests outside the reference, how many there were and the first one's time.
        """
        known = np.isfinite(mean)
        signed = np.stack([-mean, mean]) - self._slack
        grown = np.where(known, np.maximum(self.excess + signed, 0), self.excess)
        starts = (self.excess == 0) & (grown > 0)
        goes_on = (grown > 0) & known
        self.since = np.where(starts, float(first), self.since)
        parts: dict[str, Floats | float] = {
            "shift": mean,
            "explained": explained,
            "outside": outside,
            "requests": 1.0,
        }
        for name, value in parts.items():
            before = np.where(grown > 0, getattr(self, name), 0.0)
            setattr(self, name, before + np.where(goes_on, value * requests, 0.0))
        self.excess = grown

    def state(self) -> State:
        """As JSON has it."""
        return {name: getattr(self, name).tolist() for name in HELD}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        for name in HELD:
            setattr(self, name, np.asarray(state[name], dtype=np.float64))
