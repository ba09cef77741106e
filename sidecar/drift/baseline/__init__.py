"""Frozen baselines: what each signal of a stream is expected to be, and how surely."""

from sidecar.drift.baseline.artefact import Baseline, BaselineError, SignalBaseline, load
from sidecar.drift.baseline.fit import TooSmall, fit

__all__ = ["Baseline", "BaselineError", "SignalBaseline", "TooSmall", "fit", "load"]
