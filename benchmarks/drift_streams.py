"""Simulated streams with a frozen baseline, and where the monitor alarms on them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from benchmarks.drift_traffic import MONTH, START, STEP, Shift, requests, signal
from sidecar.drift import Baseline, Monitor, Policy, Requests, Stream
from sidecar.drift.baseline import fit
from sidecar.drift.baseline.artefact import SignalBaseline
from sidecar.drift.requests import PRIMARY, Floats
from sidecar.drift.stream import RouteStream

STREAM = Stream("model", "route")
REFERENCE = 60_000
MARGIN = 0.005
PART = 20_000
"""Requests that are made and watched at a time, so that memory stays small."""
ROUTES = 4
TURN = 500
"""Requests of a route before it is the next one's turn."""


class Seen(NamedTuple):
    """What a monitor did with a stream."""

    raised: list[int]
    """Requests after the reference with which an alert was raised."""
    over: list[int]
    """The same of alerts that were told to be over."""
    peak: float
    """The most evidence that there ever was."""


@lru_cache(maxsize=8)
def history(regime: str, seed: int) -> Requests:
    """The first three days of a stream, which are its reference."""
    rng = np.random.default_rng([seed, 0])
    return requests(signal(regime, REFERENCE, rng), regime, seed=seed)


@lru_cache(maxsize=8)
def reference(regime: str, seed: int) -> Baseline:
    """Of the first three days of a stream."""
    return _baseline([fit(STREAM, history(regime, seed), PRIMARY, MARGIN)])


def _baseline(signals: Sequence[SignalBaseline]) -> Baseline:
    return Baseline(created=datetime.now(UTC), where="true", margin=MARGIN, signals=tuple(signals))


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


def watched(baseline: Baseline, made: Iterable[Requests], policy: Policy) -> Seen:
    """What the monitor makes of what follows the reference."""
    monitor = Monitor(baseline, policy)
    peak = _peak_of(monitor)
    alerts = [alert for part in made for alert in monitor.update(STREAM, part)]
    raised = [_place(alert.raised) for alert in alerts if alert.state == "firing"]
    over = [_place(alert.resolved) for alert in alerts if alert.resolved]
    return Seen(raised, over, max(peak))


def alarms_of_routes(regime: str, seed: int) -> int:
    """Alerts of a model's `ROUTES` routes, and of their median, in a month of all their requests.

    Each route is a stream of its own with its own baseline; they take turns.
    """
    seeds = {Stream("model", f"route-{number}"): ROUTES * seed + number for number in range(ROUTES)}
    fitted = [fit(one, history(regime, own), PRIMARY, MARGIN) for one, own in seeds.items()]
    monitor = Monitor(_baseline(fitted))
    turns = zip(
        *(_turns(parts(regime, own, MONTH // ROUTES)) for own in seeds.values()), strict=True
    )
    return sum(
        alert.state == "firing"
        for turn in turns
        for one, made in zip(seeds, turn, strict=True)
        for alert in monitor.update(one, made)
    )


def _turns(made: Iterable[Requests]) -> Iterator[Requests]:
    for part in made:
        for first in range(0, len(part), TURN):
            yield part.take(slice(first, first + TURN))


def _place(moment: datetime) -> int:
    return round((moment.timestamp() * 1e6 - START) / STEP) - REFERENCE


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
