"""The Page-Hinkley test, from river."""

from collections.abc import Mapping
from typing import Any, Self

from sidecar.drift.detectors.base import Floats, Sequential, State, mean_and_scale

SUMS = ("_sum_increase", "_sum_decrease", "_min_increase", "_max_decrease")


class PageHinkley(Sequential):
    """Alarms when values have piled up on one side of their own running mean.

    Memory is the library's four sums and its mean, in standard deviations of the reference. The
    mean runs: a slow change pulls it along and is not seen. NaN would silence the library's
    detector for good, and does not reach it.

    Source: Page 1954, "Continuous inspection schemes"; Hinkley 1971, "Inference about the
    change-point from cumulative sum tests".

    >>> detector = PageHinkley(scale=0.05)
    >>> detector.update([0.4, 0.41] * 200)
    []
    >>> len(detector.update([0.3] * 100)) > 0
    True
    """

    name = "page-hinkley"

    def __init__(self, scale: float, *, slack: float = 0.1, limit: float = 50) -> None:
        super().__init__()
        self.scale, self.slack, self.limit = scale, slack, limit
        self.reset()

    @classmethod
    def of(cls, reference: Floats) -> Self:
        return cls(mean_and_scale(reference)[1])

    @property
    def statistic(self) -> float:
        return float(self._library.drift_detected)

    @property
    def threshold(self) -> float:
        return 1.0

    def reset(self) -> None:
        from river.drift import PageHinkley as Library

        self._library = Library(delta=self.slack, threshold=self.limit)

    def _add(self, value: float) -> None:
        self._library.update(value / self.scale)

    def _memory(self) -> State:
        mean = self._library._x_mean
        if not mean.n:
            return {}
        return {"n": mean.n, "mean": mean.get(), **{n: getattr(self._library, n) for n in SUMS}}

    def _recall(self, memory: Mapping[str, Any]) -> None:
        self.reset()
        if memory:
            self._library._x_mean.n = memory["n"]
            self._library._x_mean._mean = memory["mean"]
            for name in SUMS:
                setattr(self._library, name, memory[name])
