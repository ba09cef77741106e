"""Scalar signals from per-head summaries.

Every signal is computed for each head first, in float32; a sample's scalar is the mean over its
tapped layers and heads, a layer's the mean over its heads. `formulas` has the definitions.
"""

from sidecar.signals.calibrated import CalibratedHeads, Calibrations, matching, mismatches
from sidecar.signals.compute import compute, per_head
from sidecar.signals.retrieval import retrieved
from sidecar.signals.rows import BadRows, floats, numbers, only

__all__ = [
    "BadRows",
    "CalibratedHeads",
    "Calibrations",
    "compute",
    "floats",
    "matching",
    "mismatches",
    "numbers",
    "only",
    "per_head",
    "retrieved",
]
