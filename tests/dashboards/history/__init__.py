"""Two made-up hours of every metric there is, with a regression on one route, for a Prometheus.

The demo's numbers are real and take minutes; these are made up and show every panel something.
"""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np

from dashboards import names
from dashboards.queries import TAP_STATES
from sidecar.daemon.sinks.drift.own import EXPLAINED, REFUSED
from sidecar.daemon.sinks.histograms import BOUNDS
from sidecar.daemon.sinks.kafka.condition import STATES as KAFKA_STATES
from sidecar.schema import SIGNAL_NAMES
from tests.dashboards.history import drift
from tests.dashboards.history.scene import (
    CHANGE,
    OTHERS,
    ROUTES,
    SCRAPED,
    STEP,
    STEPS,
    Line,
    Value,
    mean,
)

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
    "target": ("kafka", "alertmanager"),
    "address": ("alertmanager:9093",),
    "collector": ("signals", "taps", "sidecar"),
    "method": ("text",),
    "type": ("ValueError",),
    "finished_reason": ("stop", "length"),
    "attention_tap_state": TAP_STATES,
    "attention_sidecar_kafka_state": KAFKA_STATES,
}
ODD = {
    ("attention_sidecar_drift_pushes_total", "outcome"): ("ok", "failed"),
    ("attention_sidecar_drift_explanations_total", "outcome"): EXPLAINED,
    ("attention_sidecar_drift_refused_states_total", "reason"): REFUSED,
    ("attention_sidecar_drift_lost_alerts_total", "reason"): ("refused", "too_many"),
}
"""Values of a label that one metric alone has."""
QUIET = frozenset(
    [
        "dropped",
        "lost",
        "errors",
        "malformed",
        "missing",
        "late",
        "conflicts",
        "failures",
        "restarts",
        "waiting_alerts",
        "refused",
        "torn",
        "cut_requests",
        "corrections",
    ]
)
"""Parts of the names of counters that stay at 0 while all is well."""


def write(file: Path, end: int) -> None:
    """All series up to ``end``, in seconds since 1970, as promtool reads them."""
    start = end - STEP * STEPS
    with file.open("w") as output:
        for line in lines(start):
            inside = ",".join(f'{k}="{v}"' for k, v in (SCRAPED | line.labels).items())
            for step in range(STEPS):
                value = line.value(step)
                if value is not None:
                    output.write(
                        f"{line.name}{{{inside}}} {float(value)!r} {start + STEP * step}\n"
                    )
        output.write("# EOF\n")


def lines(start: int) -> Iterator[Line]:
    """Every known metric with every combination of labels, from a moment on."""
    random = np.random.default_rng(7)
    yield from _histograms(random)
    yield from drift.lines(random, start + STEP * CHANGE)
    yield Line("up", {}, _plain("up", {}))
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "up"):
        yield Line(name, OTHERS, _plain(name, {}))
    for name, labels in sorted({**names.ours(), **names.vllm(), **names.recorded()}.items()):
        if _base(name) in _observed() or name.startswith("attention_drift_"):
            continue
        kept = sorted(labels)
        for values in product(*(ODD.get((name, one)) or VALUES.get(one, ("x",)) for one in kept)):
            found = dict(zip(kept, values, strict=True))
            yield Line(name, found, _plain(name, found))


def _plain(name: str, labels: dict[str, str]) -> Value:
    if name.endswith("_state"):
        current = labels[name] in ("active", "running")
        return lambda _: float(current)
    if any(part in name for part in QUIET) or labels.get("outcome") == "failed":
        return lambda _: 0.0
    if name.startswith(("attention_layer_", "attention_head_")):
        return _layered(name, labels)
    if name == "attention_unmeasured_total":
        return lambda step: 0.2 * step
    if name.endswith(("_bucket", "_count", "_sum", "_total")):
        paces = {"attention_tap_seconds_total": 0.6, "process_cpu_seconds_total": 3.0}
        own = 1.0 if name.startswith("attention_sidecar_drift_") else 60.0
        pace = paces.get(name, own)
        share = 1.0 if labels.get("le", "+Inf") == "+Inf" else min(1.0, float(labels["le"]))
        size = 160 if name == "vllm:request_prompt_tokens_sum" else 1
        return lambda step: step * pace * share * size
    level = {"attention_tap_budget_seconds": 0.05, "attention_tap_sampling_rate": 0.2,
             "attention_tap_effective_sampling_rate": 0.19,
             "process_resident_memory_bytes": 2.4e8}.get(name, 1.0)  # fmt: skip
    return lambda _: level


def _layered(name: str, labels: dict[str, str]) -> Value:
    """Of a histogram by layer: deeper layers see more, and lose more after the change."""
    layer, head = int(labels["layer"]), int(labels.get("head", "0"))
    usual = 0.1 + 0.12 * layer + 0.03 * head
    lost = 0.05 * layer if name.startswith(("attention_layer_co", "attention_head_co")) else 0.0
    if not name.endswith("_sum"):
        reached = float(labels.get("le", "+Inf").replace("+Inf", "inf")) >= usual
        return lambda step: 60.0 * step * reached
    return lambda step: 60.0 * (usual * step - lost * max(0, step - CHANGE))


def _observed() -> set[str]:
    return {f"attention_{signal}" for signal in SIGNAL_NAMES}


def _base(name: str) -> str:
    return name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")


def _histograms(random: np.random.Generator) -> Iterator[Line]:
    for signal, route in product(SIGNAL_NAMES, ROUTES):
        counts, sums = np.zeros((STEPS, len(BOUNDS) + 1)), np.zeros(STEPS)
        for step in range(1, STEPS):
            level = mean(signal, route, step)
            values = random.beta(18 * level, 18 * (1 - level), 40)
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
