"""The Wasserstein distance."""

import numpy as np

from sidecar.drift.detectors.histogram import BINS, Gauge, cumulative


class Wasserstein(Gauge):
    """How far values have moved on average, in the signal's own unit.

    Formula: ``∫ |F(x) − G(x)| dx`` over bins of width 1/256.
    Source: Vallender 1974, "Calculation of the Wasserstein distance between probability
    distributions on the line".

    >>> gauge = Wasserstein.of(np.full(100, 0.2))
    >>> gauge.update(np.full(100, 0.3))
    []
    >>> round(gauge.statistic, 2)
    0.1
    """

    name = "wasserstein"

    def _distance(self) -> float:
        gap = cumulative(self.current) - cumulative(self.reference)
        return float(np.abs(gap).sum() / BINS)
