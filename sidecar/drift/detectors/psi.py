"""The population stability index."""

import numpy as np
from numpy.typing import NDArray

from sidecar.drift.detectors.base import Floats
from sidecar.drift.detectors.histogram import Gauge

GROUPS = 10


class Psi(Gauge):
    """The symmetric Kullback-Leibler divergence over tenths of the reference, in nats.

    Formula: ``sum_i (p_i − q_i) ln(p_i / q_i)`` over at most ten groups of bins with about equal
    counts in the reference; half a value is added to every group.
    Source: Siddiqi 2006, "Credit Risk Scorecards"; Jeffreys 1946. Its customary bounds, 0.1 and
    0.25, are no significance levels: the index of equal distributions grows as 1/n.

    >>> gauge = Psi.of(np.linspace(0, 1, 1000))
    >>> gauge.update(np.linspace(0, 1, 500))
    []
    >>> gauge.statistic < 0.01
    True
    """

    name = "psi"

    def _distance(self) -> float:
        shares = self.reference.cumsum() / self.reference.sum()
        group = np.minimum((shares * GROUPS - 1e-9).astype(np.int64), GROUPS - 1)
        there, here = _shares(group, self.reference), _shares(group, self.current)
        return float(((here - there) * np.log(here / there)).sum())


def _shares(group: NDArray[np.int64], counts: NDArray[np.int64]) -> Floats:
    totals = np.bincount(group, weights=counts, minlength=GROUPS)[np.unique(group)] + 0.5
    shares: Floats = totals / totals.sum()
    return shares
