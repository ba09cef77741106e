"""Simulated streams with a frozen baseline, and where the monitor alarms on them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

import numpy as np

from benchmarks.drift_traffic import MONTH, START, STEP, Shift, requests, signal
from sidecar.drift import Baseline, Monitor, Policy, Requests, Stream
from sidecar.drift.baseline import fit
from sidecar.drift.baseline.artefact import SignalBaseline
from sidecar.drift.features import design
from sidecar.drift.requests import PRIMARY, Floats

STREAM = Stream("model", "route")
REFERENCE = 60_000
MARGIN = 0.005
PART = 20_000
"""Requests that are made and watched at a time, so that memory stays small."""


@cache
def reference(regime: str, seed: int) -> Baseline:
    """Of the first three days of a stream."""
    rng = np.random.default_rng([seed, 0])
    made = requests(signal(regime, REFERENCE, rng), regime, seed=seed)
    one = fit(STREAM, made, PRIMARY, MARGIN)
    return Baseline(created=datetime.now(UTC), where="true", margin=MARGIN, signals=(one,))


def parts(
    regime: str, seed: int, size: int = MONTH, shift: Shift | None = None
) -> Iterator[Requests]:
    """What follows the reference."""
    rng = np.random.default_rng([seed, 1])
    for first in range(0, size, PART):
        count = min(PART, size - first)
        moved = shift._replace(at=shift.at - first) if shift else None
        values = signal(regime, count, rng, start=REFERENCE + first, shift=moved)
        yield requests(values, regime, start=REFERENCE + first, seed=seed)


def residuals(one: SignalBaseline, made: Requests) -> Floats:
    """``[n]`` in standard deviations of a request."""
    found: Floats = (made.signal(PRIMARY) - one.expected(design(made))) / one.scale
    return found


def watched(baseline: Baseline, made: Iterator[Requests], policy: Policy) -> list[int]:
    """Places at which the monitor raised an alert."""
    monitor = Monitor(baseline, policy)
    raised = [
        alert.raised.timestamp()
        for part in made
        for alert in monitor.update(STREAM, part)
        if alert.state == "firing"
    ]
    return [round((moment * 1e6 - START) / STEP) - REFERENCE for moment in raised]
