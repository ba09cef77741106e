"""What the made-up history tells: on one of three routes, signals fall and stay low."""

from collections.abc import Callable
from dataclasses import dataclass

STEP, STEPS = 60, 120
SCRAPED = {"job": "sidecar", "instance": "pod-1:9464"}
STANDBY = {"job": "sidecar", "instance": "pod-2:9464"}
OTHERS = {"job": "node", "instance": "node-1:9100"}
CHANGE, NOTICED = 84, 90
"""Steps at which the route's signals fall, and at which the alert opens."""
BROKEN = "shop"
ROUTES = ("shop", "staff", "policy")
USUAL = {"grounding_score": 0.36, "context_share": 0.37, "copy_rate": 0.6, "entropy_ratio": 0.45}

Value = Callable[[int], float | None]


@dataclass(frozen=True)
class Line:
    """One series."""

    name: str
    labels: dict[str, str]
    value: Value


def mean(signal: str, route: str, step: int) -> float:
    """Of a signal's values at a step."""
    usual = USUAL.get(signal, 0.3) + 0.02 * ROUTES.index(route)
    fell = route == BROKEN and step >= CHANGE and signal in USUAL and signal != "entropy_ratio"
    return usual * (0.62 if fell else 1.0)
