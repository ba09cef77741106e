"""The Kolmogorov-Smirnov distance."""

import numpy as np

from sidecar.drift.detectors.histogram import Gauge, cumulative


class KolmogorovSmirnov(Gauge):
    """The largest gap between two distribution functions, from 0 to 1.

    Formula: ``max_x |F(x) − G(x)|`` at the bins' ends, which can only lower it.
    Source: Smirnov 1939. Its p-value holds for one look at independent values, so none is given.

    >>> gauge = KolmogorovSmirnov.of(np.linspace(0, 0.5, 1000))
    >>> gauge.update(np.linspace(0.5, 0.99, 1000))
    []
    >>> round(gauge.statistic, 2)
    1.0
    """

    name = "ks"

    def _distance(self) -> float:
        gap = cumulative(self.current) - cumulative(self.reference)
        return float(np.abs(gap).max())
