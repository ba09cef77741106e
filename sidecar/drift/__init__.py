"""Drift: frozen baselines, detectors, and a monitor that raises alerts."""

from sidecar.drift.alert import Alert
from sidecar.drift.baseline import Baseline, BaselineError, TooSmall, load
from sidecar.drift.monitor import Condition, Monitor
from sidecar.drift.requests import ArchiveFailed, Requests, Stream, read
from sidecar.drift.watch import Policy

__all__ = [
    "Alert",
    "ArchiveFailed",
    "Baseline",
    "BaselineError",
    "Condition",
    "Monitor",
    "Policy",
    "Requests",
    "Stream",
    "TooSmall",
    "load",
    "read",
]
