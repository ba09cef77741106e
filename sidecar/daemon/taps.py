"""What the taps say of themselves: `attention_tap_*`."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, get_args

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    StateSetMetricFamily,
)
from prometheus_client.metrics_core import Metric

from sidecar.wire import TapState, TapStatus

LOST_SECONDS = 10.0
"""A tap reports every second; silent for this long, it is lost."""
FORGET_SECONDS = 3600.0
MAX_TAPS = 256
MAX_FORMER = 16
"""Earlier processes remembered for each model, engine and rank."""
STATES = (*get_args(TapState), "lost")
LABELS = ["model_name", "engine", "rank"]

DROPPED = (
    *("queue_full", "over_budget", "not_emitted", "not_encodable"),
    *("step_lost", "plan_failed", "no_query", "no_summary", "spans_failed"),
    *("no_flight", "beyond_stash"),
)
"""Why a tap drops a sample; told as 0 until it happens, so that the first one is an increase."""
COUNTERS = {
    "steps": "Engine steps the tap has seen.",
    "requests": "Requests the tap has seen.",
    "requests_sampled": "Requests the tap has sampled.",
    "samples": "Samples made, sent or dropped.",
}
COUNTERS_BY = {
    "seconds": ("stage", "Seconds the tap has spent in the engine's thread, by stage."),
    "dropped": ("reason", "Samples the tap has dropped, by reason."),
    "errors": ("type", "Exceptions caught inside the tap, by type."),
    "spans": ("method", "Sampled requests by how their documents were found."),
    "span_failures": ("reason", "Documents not found, by reason."),
}
GAUGES = {
    "sampling_rate": "Configured share of requests to sample.",
    "effective_sampling_rate": "Share of requests sampled after the budget had its say.",
    "sampling_stride": "Output steps from one sample of a request to the next.",
    "budget_seconds": "Seconds the tap may spend in each second; 0 is no limit.",
    "queue_depth": "Samples waiting in the tap.",
    "layers": "Layers summarised.",
    "last_seen_seconds": "Seconds since the tap last reported.",
    "clock_skew_seconds": "The daemon's clock less the tap's, transport included.",
}


@dataclass(frozen=True)
class Tap:
    """The last report of a tap."""

    status: TapStatus
    seen: float
    """Monotonic time of arrival."""
    skew: float
    former: tuple[str, ...] = ()
    """Boots that reported under the same labels before this one."""
    conflicts: int = 0
    """How often one of those reported again: two engines live under the same labels."""
    conflict_seen: float = -math.inf
    """Monotonic time of the last such report."""

    def age(self) -> float:
        """Seconds since the last report."""
        return time.monotonic() - self.seen

    @property
    def state(self) -> str:
        """The reported state, or `lost`."""
        return "lost" if self.age() > LOST_SECONDS else self.status.state

    @property
    def conflicting(self) -> bool:
        """Several live engines have reported under these labels just now."""
        return time.monotonic() - self.conflict_seen <= LOST_SECONDS

    def followed_by(self, report: "Tap") -> "Tap":
        """The next report under the same labels, with what is known of earlier boots."""
        boot, last = report.status.boot, self.status.boot
        if boot == last:
            former, again = self.former, False
        else:
            former, again = (*self.former, last)[-MAX_FORMER:], boot in self.former
        return replace(
            report,
            former=tuple(known for known in former if known != boot),
            conflicts=self.conflicts + again,
            conflict_seen=report.seen if again else self.conflict_seen,
        )


class Taps:
    """The taps heard of in the last hour; a Prometheus collector."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taps: OrderedDict[tuple[str, str, str], Tap] = OrderedDict()

    def update(self, status: TapStatus) -> None:
        """Take a report; it replaces the last one of the same model, engine and rank."""
        key = (status.model_name, status.engine, str(status.rank))
        report = Tap(status, time.monotonic(), time.time() - status.time)
        with self._lock:
            before = self._taps.get(key)
            self._taps[key] = before.followed_by(report) if before else report
            self._taps.move_to_end(key)
            if len(self._taps) > MAX_TAPS:
                self._taps.popitem(last=False)

    def known(self) -> dict[tuple[str, str, str], Tap]:
        """By model, engine and rank."""
        with self._lock:
            for key in [key for key, tap in self._taps.items() if tap.age() > FORGET_SECONDS]:
                del self._taps[key]
            return dict(self._taps)

    def summary(self) -> list[dict[str, Any]]:
        """One object for each tap: its report, state, age and clock skew."""
        return [
            {
                **tap.status.model_dump(mode="json"),
                "state": tap.state,
                "last_seen_seconds": round(tap.age(), 3),
                "clock_skew_seconds": round(tap.skew, 3),
                "label_conflicts": tap.conflicts,
                "conflicting": tap.conflicting,
            }
            for tap in self.known().values()
        ]

    def collect(self) -> Iterator[Metric]:
        """`attention_tap_*`."""
        taps = self.known()
        yield _states(taps)
        yield _info(taps)
        yield _conflicts(taps)
        for name, doc in COUNTERS.items():
            counter = CounterMetricFamily(f"attention_tap_{name}", doc, labels=LABELS)
            for key, tap in taps.items():
                counter.add_metric(key, getattr(tap.status, name))
            yield counter
        for name, (label, doc) in COUNTERS_BY.items():
            counter = CounterMetricFamily(f"attention_tap_{name}", doc, labels=[*LABELS, label])
            for key, tap in taps.items():
                for value, total in _by(tap.status, name).items():
                    counter.add_metric([*key, value], total)
            yield counter
        for name, doc in GAUGES.items():
            gauge = GaugeMetricFamily(f"attention_tap_{name}", doc, labels=LABELS)
            for key, tap in taps.items():
                gauge.add_metric(key, _gauge(tap, name))
            yield gauge


def _by(status: TapStatus, name: str) -> dict[str, float]:
    known = dict.fromkeys(DROPPED, 0.0) if name == "dropped" else {}
    return {**known, **getattr(status, name)}


def _gauge(tap: Tap, name: str) -> float:
    status = tap.status
    values: dict[str, float] = {
        "sampling_rate": status.sampling.rate,
        "effective_sampling_rate": status.effective_rate,
        "sampling_stride": status.sampling.stride,
        "budget_seconds": status.sampling.budget_ms_per_s / 1000,
        "queue_depth": status.queue_depth,
        "layers": len(status.tapped_layers),
        "last_seen_seconds": tap.age(),
        "clock_skew_seconds": tap.skew,
    }
    return values[name]


def _states(taps: dict[tuple[str, str, str], Tap]) -> Metric:
    doc = "State of the tap; lost when it has not reported for 10 s."
    family = StateSetMetricFamily("attention_tap_state", doc, labels=LABELS)
    for key, tap in taps.items():
        current = tap.state
        family.add_metric(key, {state: state == current for state in STATES})
    return family


def _info(taps: dict[tuple[str, str, str], Tap]) -> Metric:
    family = InfoMetricFamily("attention_tap", "Versions and runner of the tap.", labels=LABELS)
    names = ("version", "vllm_version", "runner", "backend", "device")
    for key, tap in taps.items():
        family.add_metric(key, {name: getattr(tap.status, name) for name in names})
    return family


def _conflicts(taps: dict[tuple[str, str, str], Tap]) -> Metric:
    doc = "Reports of an engine after another one had taken its labels: both are live."
    family = CounterMetricFamily("attention_tap_label_conflicts", doc, labels=LABELS)
    for key, tap in taps.items():
        family.add_metric(key, tap.conflicts)
    return family
