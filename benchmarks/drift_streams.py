"""Simulated streams with a frozen baseline, and where the monitor alarms on them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

import numpy as np

from benchmarks.drift_traffic import MONTH, START, STEP, Shift, requests, signal
from sidecar.drift import Baseline, Monitor, Policy, Requests, Stream
from sidecar.drift.baseline import fit
from sidecar.drift.requests import PRIMARY, Floats
from sidecar.drift.stream import RouteStream

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


def deviations(baseline: Baseline, made: Requests) -> Floats:
    """``[n, 1]`` residuals in standard deviations of a request."""
    route = RouteStream(baseline.streams()[STREAM], MARGIN, Policy().least_effect)
    return route.deviations(route.rows_of(made))


def watched(
    baseline: Baseline, made: Iterator[Requests], policy: Policy
) -> tuple[list[int], float]:
    """Places at which the monitor raised an alert, and the most evidence that there ever was."""
    monitor = Monitor(baseline, policy)
    peak = _peak_of(monitor)
    raised = [
        alert.raised.timestamp()
        for part in made
        for alert in monitor.update(STREAM, part)
        if alert.state == "firing"
    ]
    return [round((moment * 1e6 - START) / STEP) - REFERENCE for moment in raised], max(peak)


def _peak_of(monitor: Monitor) -> list[float]:
    """A list of one number, kept at the highest level of the evidence."""
    evidence, peak = monitor.watches[STREAM].route.evidence, [0.0]
    add = evidence.add

    def noted(values: Floats, threshold: float = np.inf) -> Floats:
        levels = add(values, threshold)
        peak[0] = max(peak[0], float(levels.max()))
        return levels

    evidence.add = noted  # type: ignore[method-assign, assignment]
    return peak
