"""Drift: frozen baselines, detectors, and a monitor that raises alerts."""

from sidecar.drift.alert import FLEET, Alert, sentence
from sidecar.drift.archived import Explanation, explanation, stored
from sidecar.drift.baseline import Baseline, BaselineError, SignalBaseline, TooSmall, load
from sidecar.drift.expectation import Expectation
from sidecar.drift.explain import Moved, rank
from sidecar.drift.fleet import FEWEST_ROUTES
from sidecar.drift.incidents import Incidents
from sidecar.drift.monitor import NOT_WATCHED, Condition, Monitor
from sidecar.drift.requests import (
    FALLBACK,
    PRIMARY,
    WATCHED,
    Requests,
    Stream,
    read,
)
from sidecar.drift.shape import Shape
from sidecar.drift.watch import Policy

__all__ = [
    "FALLBACK",
    "FEWEST_ROUTES",
    "FLEET",
    "NOT_WATCHED",
    "PRIMARY",
    "WATCHED",
    "Alert",
    "Baseline",
    "BaselineError",
    "Condition",
    "Expectation",
    "Explanation",
    "Incidents",
    "Monitor",
    "Moved",
    "Policy",
    "Requests",
    "Shape",
    "SignalBaseline",
    "Stream",
    "TooSmall",
    "explanation",
    "load",
    "rank",
    "read",
    "sentence",
    "stored",
]
