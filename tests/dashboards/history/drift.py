"""What the daemon would publish of drift: its state, its evidence, and the alert."""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np

from sidecar.daemon.sinks.drift.families import DIRECTIONS, HEALTHS, KINDS
from sidecar.daemon.sinks.drift.watching import OUTCOMES
from sidecar.schema import SIGNAL_NAMES
from tests.dashboards.history.scene import (
    BROKEN,
    CHANGE,
    NOTICED,
    ROUTES,
    STANDBY,
    STEPS,
    Line,
    Value,
    mean,
)

UNWATCHED, LACKING, MEDIAN = "faq", "policy", "*"
"""A route that nobody watches, one that a single replica lacks signals of, the median of all."""
NOTHING_EXPECTED = "document_entropy"
_THRESHOLD = 4e7
_PREFIX = "attention_drift_"
SHAPES = ("psi", "ks", "wasserstein")


def lines(random: np.random.Generator, change: int) -> Iterator[Line]:
    """All of it; ``change`` in seconds since 1970."""
    for route in (*ROUTES, UNWATCHED, MEDIAN):
        yield from _state(route)
    yield _why(UNWATCHED, "no baseline", {})
    yield from _standby()
    yield Line(f"{_PREFIX}threshold", {}, lambda _: _THRESHOLD)
    for route in ROUTES:
        yield _evidence(route, random)
        for signal in SIGNAL_NAMES:
            yield from _signal(route, signal, random)
    yield from _alert(change)
    yield from _counts()


def _state(route: str) -> Iterator[Line]:
    def now(step: int) -> str:
        if route == UNWATCHED:
            return "unmeasured"
        return "alarm" if route == BROKEN and step >= NOTICED else "fine"

    return _states(route, now, {})


def _states(route: str, now: Callable[[int], str], scraped: dict[str, str]) -> Iterator[Line]:
    for health in HEALTHS:
        state = health.replace(" ", "_")
        labels = {"model_name": "demo", "route": route, f"{_PREFIX}state": state} | scraped
        yield Line(f"{_PREFIX}state", labels, lambda step, state=state: float(state == now(step)))  # type: ignore[misc]


def _why(route: str, reason: str, scraped: dict[str, str]) -> Line:
    labels = {"model_name": "demo", "route": route, "reason": reason} | scraped
    return Line(f"{_PREFIX}unmeasured", labels, lambda _: 1.0)


def _standby() -> Iterator[Line]:
    """A second member, which gets no requests but some of one route that lack a signal."""
    reasons = dict.fromkeys(ROUTES, "no request yet")
    reasons |= {LACKING: "signal missing in the last … requests"}
    for route, reason in (reasons | {MEDIAN: "only … routes are measured"}).items():
        yield from _states(route, lambda _: "unmeasured", STANDBY)
        yield _why(route, reason, STANDBY)


def _evidence(route: str, random: np.random.Generator) -> Line:
    noise = 10 ** random.uniform(0, 1.5, STEPS)

    def found(step: int) -> float:
        past = max(0, step - CHANGE) if route == BROKEN else 0
        return float(noise[step] * 10 ** min(8.0, 1.2 * past))

    return Line(f"{_PREFIX}evidence", {"model_name": "demo", "route": route}, found)


def _signal(route: str, signal: str, random: np.random.Generator) -> Iterator[Line]:
    labels = {"model_name": "demo", "route": route, "signal": signal}
    usual, noise = mean(signal, route, 0), random.normal(0, 0.01, STEPS)

    def residual(step: int) -> float:
        return mean(signal, route, step) - usual + float(noise[step])

    expected = 0.0 if signal == NOTHING_EXPECTED else usual
    yield Line(f"{_PREFIX}expected", labels, lambda _: expected)
    yield Line(f"{_PREFIX}residual", labels, residual)
    for name in SHAPES:
        yield Line(f"{_PREFIX}{name}", labels, lambda step: abs(residual(step)))


def _alert(change: int) -> Iterator[Line]:
    opened = {"model_name": "demo", "route": BROKEN, "signal": "grounding_score"}
    kind = {"direction": "drop", "kind": "behaviour"}

    def since_noticed(value: float) -> Value:
        return lambda step: value if step >= NOTICED else None

    yield Line(f"{_PREFIX}since_timestamp_seconds", opened | kind, since_noticed(change))
    yield Line(f"{_PREFIX}shift_deviations", opened, since_noticed(-1.4))


def _counts() -> Iterator[Line]:
    for route, kind, direction in product(ROUTES, KINDS, DIRECTIONS):
        labels = {"model_name": "demo", "route": route, "kind": kind, "direction": direction}
        told = (route, kind, direction) == (BROKEN, "behaviour", "drop")
        yield Line(f"{_PREFIX}alerts_total", labels, _stepped(told))
    paces = dict.fromkeys(OUTCOMES, 0.0) | {"watched": 20.0, "unmeasured": 1.0, "no_baseline": 6.0}
    for outcome, pace in paces.items():
        yield Line(f"{_PREFIX}requests_total", {"outcome": outcome}, _steady(pace))


def _stepped(told: bool) -> Value:
    return lambda step: float(told and step >= NOTICED)


def _steady(pace: float) -> Value:
    return lambda step: pace * step
