"""The two-sided CUSUM of standardised values."""

from collections.abc import Mapping
from typing import Any, Self

from sidecar.drift.detectors.base import Floats, Sequential, State, mean_and_scale


class Cusum(Sequential):
    """Alarms when values have piled up on one side of a known mean.

    Formula: ``S+ = max(0, S+ + z − k)``, ``S− = max(0, S− − z − k)`` with z in standard deviations;
    alarms when either reaches h. Memory is two numbers.
    Source: Page 1954, "Continuous inspection schemes", Biometrika 41.

    Its run length is known only for independent values of the very mean it was told: with k = 0.5
    and h = 5 a false alarm every 465 values.

    >>> detector = Cusum(mean=0.4, scale=0.05)
    >>> detector.update([0.4] * 500)
    []
    >>> detector.update([0.3] * 4)
    [3]
    """

    name = "cusum"

    def __init__(self, mean: float, scale: float, *, slack: float = 0.5, limit: float = 5) -> None:
        super().__init__()
        self.mean, self.scale, self.slack, self.limit = mean, scale, slack, limit
        self.reset()

    @classmethod
    def of(cls, reference: Floats) -> Self:
        return cls(*mean_and_scale(reference))

    @property
    def statistic(self) -> float:
        return max(self._above, self._below)

    @property
    def threshold(self) -> float:
        return self.limit

    def reset(self) -> None:
        self._above = self._below = 0.0

    def _add(self, value: float) -> None:
        deviation = (value - self.mean) / self.scale
        self._above = max(0.0, self._above + deviation - self.slack)
        self._below = max(0.0, self._below - deviation - self.slack)

    def _memory(self) -> State:
        return {"above": self._above, "below": self._below}

    def _recall(self, memory: Mapping[str, Any]) -> None:
        self._above, self._below = memory["above"], memory["below"]
