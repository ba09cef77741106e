"""Since when, and by how much: Page's sums of the blocks, for drop and rise of every signal."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from sidecar.drift.detectors.base import Floats, State

HELD = ("excess", "shift", "explained", "outside", "requests", "since")
SLACKS = (0.5, 4.0)
"""Of the sums, in least effects: a small one keeps hold of small changes, a large one is sharp."""


class Estimate(NamedTuple):
    """What has happened since a change, as means over its requests."""

    shift: float
    explained: float
    outside: float
    requests: int
    since: int
    """Microseconds since the epoch."""


class ChangePoint:
    """A running estimate of the last change in memory that does not grow: ``[2, slack, signal]``.

    Formula: ``S = max(0, S ± x − k)``; the change is where the sum was last 0. Of the slacks k the
    one with the larger ``requests · shift²`` since is believed.
    Source: Page 1954; Hinkley 1971, "Inference about the change-point from cumulative sum tests".
    """

    def __init__(self, least: Floats) -> None:
        """``least [signal]``: the smallest change worth knowing, in the signal's unit."""
        self._slack = np.multiply.outer(np.asarray(SLACKS), least)
        self.reset()

    def reset(self) -> None:
        """Nothing has changed yet."""
        shape = (2, *self._slack.shape)
        self.excess, self.shift, self.explained, self.outside, self.requests, self.since = (
            np.zeros(shape) for _ in HELD
        )

    def add(
        self, mean: Floats, explained: Floats, outside: float, requests: int, first: int
    ) -> None:
        """Take a block of ``requests``, the first of them at the time ``first``.

        ``mean [signal]`` of residuals and ``explained [signal]`` by lengths and hours are in the
        signal's unit; ``outside`` is the share of requests that the reference does not cover.
        """
        known = np.isfinite(mean)
        signed = np.stack([-mean, mean])[:, None] - self._slack
        grown = np.where(known, np.maximum(self.excess + signed, 0), self.excess)
        on = grown > 0
        self.since = np.where((self.excess == 0) & on, float(first), self.since)
        parts: dict[str, Floats | float] = {
            "shift": mean,
            "explained": explained,
            "outside": outside,
            "requests": 1.0,
        }
        for name, value in parts.items():
            before = np.where(on, getattr(self, name), 0.0)
            setattr(self, name, before + np.where(on & known, value * requests, 0.0))
        self.excess = grown

    def estimate(self, side: int, place: int) -> Estimate | None:
        """Of a drop (0) or rise (1) of one signal; None when there is no sign of it."""
        requests = self.requests[side, :, place]
        if not requests.any():
            return None
        shift = self.shift[side, :, place]
        best = int((shift**2 / np.maximum(requests, 1)).argmax())
        count = requests[best]
        return Estimate(
            float(shift[best] / count),
            float(self.explained[side, best, place] / count),
            float(self.outside[side, best, place] / count),
            int(count),
            int(self.since[side, best, place]),
        )

    def state(self) -> State:
        """As JSON has it."""
        return {name: getattr(self, name).tolist() for name in HELD}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        for name in HELD:
            setattr(self, name, np.asarray(state[name], dtype=np.float64))
