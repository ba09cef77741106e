"""Histograms of [0, 1] in 256 fixed bins, merged by adding, and what gauges on them share."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sidecar.drift.detectors.base import Detector, Floats, State

BINS = 256


def histogram(values: Floats) -> NDArray[np.int64]:
    """``[256]`` counts of finite values; those outside [0, 1] go to the outer bins.

    >>> histogram(np.array([0.0, 0.5, 1.0])).nonzero()[0]
    array([  0, 128, 255])
    """
    bins = (np.clip(values, 0, 1) * BINS).astype(np.int64)
    return np.bincount(np.minimum(bins, BINS - 1), minlength=BINS)


def cumulative(counts: NDArray[np.int64]) -> Floats:
    """``[256]`` share of values up to each bin's end."""
    shares: Floats = counts.cumsum() / max(int(counts.sum()), 1)
    return shares


class Gauge(Detector):
    """The distance between a reference's histogram and that of all values since `reset`.

    For people, not for paging: no rate of false alarms is promised, so it never alarms.
    """

    pages = False

    def __init__(self, reference: NDArray[np.int64]) -> None:
        """``reference [256]`` counts, as of `histogram`. Raises ValueError when it is empty."""
        super().__init__()
        if reference.shape != (BINS,) or reference.sum() < 1:
            raise ValueError(f"reference: should be {BINS} counts, not all 0")
        self.reference = reference
        self.reset()

    @classmethod
    def of(cls, reference: Floats) -> Self:
        return cls(histogram(reference))

    @abstractmethod
    def _distance(self) -> float: ...

    @property
    def statistic(self) -> float:
        return self._distance() if self.current.any() else 0.0

    @property
    def threshold(self) -> float:
        return float("inf")

    def reset(self) -> None:
        self.current = np.zeros(BINS, dtype=np.int64)

    def merge(self, other: "Gauge") -> None:
        """Add what another of the same reference has seen, as one of another replica."""
        self.current = self.current + other.current
        self.count += other.count
        self.unmeasured += other.unmeasured

    def _take(self, values: Floats) -> list[int]:
        self.current += histogram(values)
        return []

    def _memory(self) -> State:
        return {"current": self.current.tolist()}

    def _recall(self, memory: Mapping[str, Any]) -> None:
        self.current = np.asarray(memory["current"], dtype=np.int64)
