"""Ways to look at a residual, each bounded, so that a bet on its mean can be priced."""

from typing import Literal

import numpy as np

from sidecar.drift.detectors.base import Floats
from sidecar.drift.detectors.edetector import FAR, NEAR

View = Literal["drop", "rise", "low", "high"]
VIEWS: tuple[View, ...] = ("drop", "rise", "low", "high")
BOUNDS = {"drop": (-NEAR, FAR), "rise": (-NEAR, FAR), "low": (0.0, 1.0), "high": (0.0, 1.0)}
"""Between which a view lies."""
TAIL = 0.03
"""Share of reference requests that are `low`, and that are `high`."""


def looked_at(deviations: Floats, low: float, high: float) -> Floats:
    """``[4, n]``: the views of ``deviations [n]`` from the reference in standard deviations.

    `drop` and `rise` are the deviation itself, clipped: a change of all requests moves them.
    `low` and `high` are 1 where it is beyond the reference's outermost 3 % ``low`` and
    ``high``, else 0: a change of a few requests moves these more.

    >>> looked_at(np.array([-4.0, 0.5]), -1.6, 1.6)
    array([[ 4. , -0.5],
           [-3. ,  0.5],
           [ 1. ,  0. ],
           [ 0. ,  0. ]])
    """
    found: Floats = np.empty((len(VIEWS), len(deviations)))
    np.clip(-deviations, -NEAR, FAR, out=found[0])
    np.clip(deviations, -NEAR, FAR, out=found[1])
    np.less(deviations, low, out=found[2])
    np.greater(deviations, high, out=found[3])
    return found
