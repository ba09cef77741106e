"""Two made-up hours of every metric there is, with a regression on one route, for a Prometheus.

The demo's numbers are real and take minutes; these are made up and show every panel something.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from dashboards import names
from dashboards.pending import DRIFT
from dashboards.queries import DRIFT_STATES, TAP_STATES
from sidecar.daemon.sinks.histograms import BOUNDS
from sidecar.daemon.sinks.kafka.stream import STATES as KAFKA_STATES
from sidecar.schema import SIGNAL_NAMES

STEP, STEPS = 60, 120
SCRAPED = {"job": "sidecar", "instance": "pod-1:9464"}
CHANGE, NOTICED = 84, 90
"""Steps at which the route's signals fall, and at which the alert opens."""
BROKEN, THRESHOLD = "shop", 4e7
ROUTES = ("shop", "staff", "policy")
USUAL = {"grounding_score": 0.36, "context_share": 0.37, "copy_rate": 0.6, "entropy_ratio": 0.45}
VALUES: dict[str, tuple[str, ...]] = {
    "model_name": ("demo",),
    "engine": ("0",),
    "rank": ("0",),
    "route": ROUTES,
    "layer": ("0", "1", "2", "3"),
    "head": ("0", "1", "2", "3"),
    "signal": SIGNAL_NAMES,
    "le": (*(repr(bound) for bound in BOUNDS), "+Inf"),
    "reason": ("queue_full", "failed"),
    "sink": ("archive", "kafka", "otel"),
    "stage": ("summary", "emit"),
    "topic": ("attention.samples",),
    "kind": ("event", "span"),
    "direction": ("drop",),
    "outcome": ("taken", "no_signal"),
    "collector": ("signals", "taps", "sidecar"),
    "method": ("text",),
    "type": ("ValueError",),
    "finished_reason": ("stop", "length"),
    "attention_drift_state": DRIFT_STATES,
    "attention_tap_state": TAP_STATES,
    "attention_sidecar_kafka_state": KAFKA_STATES,
}
QUIET = ("dropped", "lost", "errors", "malformed", "missing", "late", "conflicts", "failures")
"""Parts of the names of counters that stay at 0 while all is well."""

Value = Callable[[int], float | None]


@dataclass(frozen=True)
class Line:
    """One series."""

    name: str
    labels: dict[str, str]
    value: Value


def write(file: Path, end: int) -> None:
    """All series up to ``end``, in seconds since 1970, as promtool reads them."""
    start = end - STEP * STEPS
    with file.open("w") as output:
        for line in lines():
            inside = ",".join(f'{k}="{v}"' for k, v in (line.labels | SCRAPED).items())
            for step in range(STEPS):
                value = line.value(step)
                if value is not None:
                    output.write(
                        f"{line.name}{{{inside}}} {float(value)!r} {start + STEP * step}\n"
                    )
        output.write("# EOF\n")


def lines() -> Iterator[Line]:
    """Every known metric with every combination of labels."""
    random = np.random.default_rng(7)
    yield from _histograms(random)
    yield from _drift(random)
    for name, labels in sorted({**names.ours(), **names.vllm()}.items()):
        if _base(name) in _observed() or name in DRIFT:
            continue
        for values in product(*(VALUES.get(label, ("x",)) for label in sorted(labels))):
            found = dict(zip(sorted(labels), values, strict=True))
            yield Line(name, found, _plain(name, found))


def _plain(name: str, labels: dict[str, str]) -> Value:
    if name.endswith("_state"):
        current = labels[name] in ("active", "running")
        return lambda _: float(current)
    if any(part in name for part in QUIET):
        return lambda _: 0.0
    if name == "attention_unmeasured_total":
        return lambda step: 0.2 * step
    if name.endswith(("_bucket", "_count", "_sum", "_total")):
        pace = {"attention_tap_seconds_total": 0.6, "process_cpu_seconds_total": 3.0}.get(name, 60)
        share = 1.0 if labels.get("le", "+Inf") == "+Inf" else min(1.0, float(labels["le"]))
        size = 160 if name == "vllm:request_prompt_tokens_sum" else 1
        return lambda step: step * pace * share * size
    level = {"attention_tap_budget_seconds": 0.05, "attention_tap_sampling_rate": 0.2,
             "attention_tap_effective_sampling_rate": 0.19,
             "process_resident_memory_bytes": 2.4e8}.get(name, 1.0)  # fmt: skip
    return lambda _: level


def _observed() -> set[str]:
    return {f"attention_{signal}" for signal in SIGNAL_NAMES}


def _base(name: str) -> str:
    return name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")


def _histograms(random: np.random.Generator) -> Iterator[Line]:
    for signal, route in product(SIGNAL_NAMES, ROUTES):
        counts, sums = np.zeros((STEPS, len(BOUNDS) + 1)), np.zeros(STEPS)
        for step in range(1, STEPS):
            mean = _mean(signal, route, step)
            values = random.beta(18 * mean, 18 * (1 - mean), 40)
            upto = [(values <= bound).sum() for bound in BOUNDS]
            counts[step] = counts[step - 1] + [*upto, len(values)]
            sums[step] = sums[step - 1] + values.sum()
        labels = {"model_name": "demo", "engine": "0", "route": route}
        name = f"attention_{signal}"
        for place, bound in enumerate(VALUES["le"]):
            column = counts[:, place]
            yield Line(f"{name}_bucket", labels | {"le": bound}, column.__getitem__)
        yield Line(f"{name}_count", labels, counts[:, -1].__getitem__)
        yield Line(f"{name}_sum", labels, sums.__getitem__)


def _mean(signal: str, route: str, step: int) -> float:
    usual = USUAL.get(signal, 0.3) + 0.02 * ROUTES.index(route)
    fell = route == BROKEN and step >= CHANGE and signal in USUAL and signal != "entropy_ratio"
    return usual * (0.62 if fell else 1.0)


def _drift(random: np.random.Generator) -> Iterator[Line]:
    for route in (*ROUTES, "faq", "*"):
        stream = {"model_name": "demo", "route": route}
        for state in DRIFT_STATES:
            yield Line(
                "attention_drift_state",
                stream | {"attention_drift_state": state},
                lambda step, route=route, state=state: float(state == _state(route, step)),  # type: ignore[misc]
            )
        if route == "faq":
            why = stream | {"reason": "no_baseline"}
            yield Line("attention_drift_unmeasured", why, lambda _: 1.0)
            continue
        noise = 10 ** random.uniform(0, 1.5, STEPS)
        yield Line(
            "attention_drift_evidence",
            stream,
            lambda step, route=route, noise=noise: _evidence(route, step, noise[step]),  # type: ignore[misc]
        )
        for signal in SIGNAL_NAMES:
            yield from _signal(stream | {"signal": signal}, random)
    yield from _alert()


def _alert() -> Iterator[Line]:
    yield Line("attention_drift_threshold", {}, lambda _: THRESHOLD)
    opened = {"model_name": "demo", "route": BROKEN, "signal": "grounding_score"}
    kind = {"direction": "drop", "kind": "behaviour"}
    yield Line(
        "attention_drift_since_timestamp_seconds",
        opened | kind,
        lambda step: SINCE[0] if step >= NOTICED else None,
    )
    yield Line(
        "attention_drift_shift_deviations", opened, lambda step: -1.4 if step >= NOTICED else None
    )
    alerts = {"model_name": "demo", "route": BROKEN} | kind
    yield Line("attention_drift_alerts_total", alerts, lambda step: float(step >= NOTICED))
    for outcome in VALUES["outcome"]:
        yield Line("attention_drift_requests_total", {"outcome": outcome}, lambda step: step * 20.0)


SINCE = [0.0]
"""Moment of the change, in seconds since 1970; `backfill` sets it."""


def _state(route: str, step: int) -> str:
    if route == "faq":
        return "unmeasured"
    return "alarm" if route == BROKEN and step >= NOTICED else "fine"


def _evidence(route: str, step: int, noise: float) -> float:
    past = step - CHANGE
    return noise * 10 ** min(8.0, 1.2 * past) if route == BROKEN and past > 0 else noise


def _signal(labels: dict[str, str], random: np.random.Generator) -> Iterator[Line]:
    route, signal = labels["route"], labels["signal"]
    usual = _mean(signal, route, 0) if route in ROUTES else 0.35
    noise = random.normal(0, 0.01, STEPS)

    def residual(step: int) -> float:
        moved = _mean(signal, route, step) - usual if route in ROUTES else 0.0
        return moved + float(noise[step])

    yield Line("attention_drift_expected", labels, lambda _: usual)
    yield Line("attention_drift_residual", labels, residual)
    for name in ("psi", "ks", "wasserstein"):
        yield Line(f"attention_drift_{name}", labels, lambda step: abs(residual(step)))
