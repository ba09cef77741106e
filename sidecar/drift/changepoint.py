"""Since when, and by how much: Page's sums of the blocks, for drop and rise of every signal."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar.drift.blocks import Blocks
from sidecar.drift.detectors.base import Floats, State

Places = NDArray[np.int64]

HELD = ("excess", "shift", "explained", "outside", "requests", "since")
SHARP = 4.0
"""The larger slack of the sums, in least effects."""


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

    Formula: ``S = max(0, S ± x − k)``; the change is where the sum was last 0. There are two slacks
    k: the margin keeps hold of small changes, the other is sharp about large ones. The one with the
    larger ``requests · shift²`` since is believed.
    Source: Page 1954; Hinkley 1971, "Inference about the change-point from cumulative sum tests".
    """

    def __init__(self, margin: float, least: Floats) -> None:
        """``least [signal]``: the smallest change worth an alert; both in the signal's unit."""
        self._slack = np.stack([np.full(len(least), margin), SHARP * least])
        self.reset()

    def reset(self) -> None:
        """Nothing has changed yet."""
        shape = (2, *self._slack.shape)
        self.excess, self.shift, self.explained, self.outside, self.requests, self.since = (
            np.zeros(shape) for _ in HELD
        )

    def add(self, blocks: Blocks) -> None:
        """Take blocks in order; their columns are the signals."""
        if not len(blocks):
            return
        known = np.isfinite(blocks.residual)
        mean = np.where(known, blocks.residual, 0.0)
        signed = np.stack([-mean, mean], axis=1)[:, :, None] - self._slack
        path = np.cumsum(np.where(known[:, None, None], signed, 0.0), axis=0) + self.excess
        least = np.minimum.accumulate(np.minimum(path, 0.0), axis=0)
        start = _last(path <= least)
        self.excess = path[-1] - least[-1]
        self._sum(start, blocks, mean, known)

    def _sum(self, start: Places, blocks: Blocks, mean: Floats, known: NDArray[np.bool_]) -> None:
        """Sums go on from ``start [2, slack, signal]``: blocks to leave out, −1 if none was 0."""
        fresh, running = start >= 0, self.excess > 0
        opened = fresh | (self.requests == 0)
        explained = np.where(known, blocks.explained, 0.0)
        outside = known * blocks.outside[:, None]
        since = np.arange(len(mean))[:, None, None, None] > start
        grown = np.einsum("kbs,bdls->kdls", [mean, explained, outside, known], since * 1.0)
        for name, added in zip(HELD[1:-1], grown * blocks.requests, strict=True):
            total = np.where(fresh, 0.0, getattr(self, name)) + added
            setattr(self, name, np.where(running, total, 0.0))
        first = blocks.first[np.minimum(start + 1, len(blocks) - 1)]
        self.since = np.where(opened, first, self.since)

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
        """As JSON has it, to nine digits but for the times: estimates are no better."""
        sums = {name: _nine_digits(getattr(self, name)) for name in HELD[:-1]}
        return {**sums, "since": self.since.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        for name in HELD:
            setattr(self, name, np.asarray(state[name], dtype=np.float64))


def _nine_digits(values: Floats) -> Any:
    rounded = [float(f"{value:.9g}") for value in values.ravel().tolist()]
    return np.reshape(rounded, values.shape).tolist()


def _last(flags: NDArray[np.bool_]) -> Places:
    """Index of the last true along the first axis, −1 where there is none."""
    backwards = flags[::-1]
    found: Places = np.where(flags.any(axis=0), len(flags) - 1 - backwards.argmax(axis=0), -1)
    return found
