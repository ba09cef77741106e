"""The mixture e-detector in Shiryaev-Roberts form, for the mean of a bounded variable."""

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np

from sidecar.drift.detectors.base import Floats, Sequential, State, mean_and_scale

Direction = Literal["drop", "rise", "both"]

FAR, NEAR = 6.0, 3.0
"""Where values are clipped, in standard deviations: towards the change and away from it."""
BETS = 8
CEILING = 1e100
"""Evidence is kept below it. That can only lower it, and spares the logarithms."""


def bets(margin: float, count: int = BETS) -> Floats:
    """``[count]`` bets λ, geometric; with the largest no value within the clips loses all.

    ``margin`` in standard deviations.
    """
    return np.geomspace(0.01, 0.95, count) / (NEAR + margin)


def shortfall(deviations: Floats, margin: float | Floats) -> Floats:
    """``[2, …]``: how far values lie below the reference less the margin, and above it plus that.

    ``deviations [...]`` from the reference in standard deviations; they are clipped.
    """
    both = np.stack([deviations, -deviations])
    return -margin - np.clip(both, -FAR, NEAR)


def advance(evidence: Floats, short: Floats, bet: Floats) -> Floats:
    """One step of ``M = (M + 1) (1 + λ short)`` for ``evidence [..., bet]``, ``short [...]``."""
    return np.minimum((evidence + 1) * (1 + bet * short[..., None]), CEILING)


class EDetector(Sequential):
    """Alarms when the mean has left ``reference ± margin``, at a promised rate of false alarms.

    While every value's expectation given the past stays within, the mean number of values to a
    false alarm is at least ``run_length``, and P(any within T values) ≤ T / ``run_length``. That
    holds for any distribution within the clips, independent or not.

    Formula: ``M_t = (M_{t-1} + 1) (1 + λ (m0 − x_t))``, averaged over a grid of λ and, for both
    directions, over x and its mirror image; x is clipped to 6 deviations towards the change and 3
    away from it. Memory is a number for each λ and direction.
    Source: Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential change
    detection", New England Journal of Statistics in Data Science 2024.

    >>> detector = EDetector(reference=0.4, scale=0.05, margin=0.01, run_length=1000)
    >>> detector.update([0.4] * 500)
    []
    >>> detector.update([0.3] * 20)
    [14]
    """

    name = "e-detector"

    def __init__(
        self,
        reference: float,
        scale: float,
        *,
        margin: float = 0.005,
        run_length: float = 10_000,
        direction: Direction = "both",
    ) -> None:
        """``scale`` is the standard deviation of a value; ``margin`` is in the values' unit."""
        super().__init__()
        if scale <= 0 or margin < 0 or run_length < 1:
            raise ValueError(
                f"scale {scale}, margin {margin}, run_length {run_length}: "
                "should be above 0, 0 or more, and 1 or more"
            )
        self.reference, self.scale, self.margin = reference, scale, margin / scale
        self.direction = direction
        self._run_length = run_length
        self._bets = bets(self.margin)
        self.reset()

    @classmethod
    def of(cls, reference: Floats) -> Self:
        mean, scale = mean_and_scale(reference)
        return cls(mean, scale, margin=3 * scale / np.sqrt(len(reference)))

    @property
    def statistic(self) -> float:
        return float(self._evidence.mean())

    @property
    def threshold(self) -> float:
        return self._run_length

    def reset(self) -> None:
        self._evidence = np.zeros((2 if self.direction == "both" else 1, BETS))

    def _add(self, value: float) -> None:
        short = shortfall(np.asarray((value - self.reference) / self.scale), self.margin)
        side = {"drop": slice(1), "rise": slice(1, 2), "both": slice(2)}[self.direction]
        self._evidence = advance(self._evidence, short[side], self._bets)

    def _memory(self) -> State:
        return {"evidence": self._evidence.tolist()}

    def _recall(self, memory: Mapping[str, Any]) -> None:
        self._evidence = np.asarray(memory["evidence"], dtype=np.float64)
