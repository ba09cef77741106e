"""Evidence of many requests at once: ``M = (M + 1) L`` in runs, side by side.

numpy is fast across, not along: what follows from the value before is a step of all runs.
"""

import math

import numpy as np

from sidecar.drift.detectors.base import Floats
from sidecar.drift.detectors.edetector import CEILING

MOST_STEPS = 64
"""Values of a run. Between two looks at the ceiling no factors from 0.05 to 50 overflow."""


def folded(values: Floats) -> Floats:
    """``[steps, runs, …]`` of ``values [n, …]``: run r begins with value r · steps.

    There are about as many steps as runs. The last run is filled up with zeros.

    >>> folded(np.array([1.0, 2.0, 3.0]))
    array([[1., 3.],
           [2., 0.]])
    """
    steps = min(MOST_STEPS, math.isqrt(max(len(values) - 1, 0)) + 1)
    runs = -(-len(values) // steps)
    filled = np.zeros((runs * steps, *values.shape[1:]))
    filled[: len(values)] = values
    return np.ascontiguousarray(filled.reshape(runs, steps, *values.shape[1:]).swapaxes(0, 1))


def unfolded(values: Floats, count: int) -> Floats:
    """``[count]`` of ``values [steps, runs]``, in their order."""
    return values.T.ravel()[:count]


def grow(evidence: Floats, factors: Floats) -> Floats:
    """``[steps, runs, bets]`` of ``M_t = (M_{t−1} + 1) L_t``.

    ``evidence [bets]`` is M_0, ``factors [steps, runs, bets]`` are the L, `folded`; they are
    overwritten. Formula: within a run ``M_t = S_t + P_t M``, where S is what comes of nothing, P
    the product of the factors, and M what the run before has left.

    >>> factors = folded(np.array([[1.0], [2.0], [0.5]]))
    >>> unfolded(grow(np.zeros(1), factors)[..., 0], 3)
    array([1. , 4. , 2.5])
    """
    grown, product = np.empty_like(factors), factors
    grown[:1] = product[:1]
    for step in range(1, len(factors)):
        np.add(grown[step - 1], 1, out=grown[step])
        grown[step] *= product[step]
        product[step] *= product[step - 1]
    product *= _left(evidence, grown[-1:], product[-1:])
    grown += product
    return np.minimum(grown, CEILING, out=grown)


def _left(evidence: Floats, grown: Floats, product: Floats) -> Floats:
    """``[runs, bets]`` what the run before each has left."""
    left = np.empty(grown.shape[1:])
    for run, before in enumerate(left):
        before[:] = evidence
        evidence = np.minimum(grown[0, run] + product[0, run] * evidence, CEILING)
    return left
