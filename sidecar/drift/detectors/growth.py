"""Evidence that grows with every value, for many values at once."""

import numpy as np

from sidecar.drift.detectors.base import Floats

CEILING = 1e100
"""Evidence is kept below it. That can only lower it, and spares the logarithms."""
AT_ONCE = 128
"""Values between two checks of the ceiling. Factors lie between 0.05 and 20: no overflow."""


def grow(evidence: Floats, factors: Floats) -> Floats:
    """``[n, …]`` of ``M_t = (M_{t−1} + 1) L_t`` for ``evidence […]`` M_0 and ``factors [n, …]`` L.

    Formula: ``M_t = P_t (M_0 + Σ_{s≤t} 1 / P_{s−1})`` with ``P_t = L_1 ⋯ L_t``.
    Source: Shiryaev 1963, Roberts 1966; as e-detectors Shin, Ramdas and Rinaldo 2024.

    >>> grow(np.zeros(1), np.array([[1.0], [2.0], [0.5]])).ravel()
    array([1. , 4. , 2.5])
    """
    grown = np.empty_like(factors)
    for first in range(0, len(factors), AT_ONCE):
        part = grown[first : first + AT_ONCE]
        product = np.cumprod(factors[first : first + AT_ONCE], axis=0)
        part[0] = 1
        np.divide(1, product[:-1], out=part[1:])
        np.cumsum(part, axis=0, out=part)
        part += evidence
        part *= product
        evidence = np.minimum(part[-1], CEILING, out=part[-1])
    return grown
