"""How a member of the group does, for the page and for `/v1/status`."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, StateSetMetricFamily
from prometheus_client.metrics_core import Metric

STATES = ("starting", "away", "standby", "watching")
_PREFIX = "attention_sidecar_fleet_"


@dataclass
class Progress:
    """Written by one thread, read by others."""

    state: str = "starting"
    error: str = ""
    lag: dict[int, int] = field(default_factory=dict)
    """By partition, records that are still to be taken; of those that this member has."""
    takeovers: int = 0
    duplicates: int = 0
    expired: int = 0
    failed_commits: int = 0

    def show(self, state: str, error: str) -> None:
        """Where the lag is not known, none is told."""
        self.state, self.error = state, error
        if state in ("starting", "away"):
            self.lag = {}

    def summary(self) -> dict[str, Any]:
        """For `/v1/status`."""
        lag = dict(self.lag)
        return {
            "state": self.state,
            "error": self.error,
            "partitions": len(lag),
            "lag_records": sum(lag.values()) if lag else None,
        }


def families(progress: Progress) -> Iterator[Metric]:
    """`attention_sidecar_fleet_*`."""
    state = StateSetMetricFamily(
        f"{_PREFIX}state", "State of this member of the consumer group; `standby` has no partition."
    )
    state.add_metric([], {one: one == progress.state for one in STATES})
    yield state
    lag = GaugeMetricFamily(
        f"{_PREFIX}lag_records",
        "Records of a partition still to be taken; absent while no broker tells.",
        labels=["partition"],
    )
    for partition, records in dict(progress.lag).items():
        lag.add_metric([str(partition)], records)
    yield lag
    counts = {
        "takeovers": (
            "Times another member had watched before this one, so that evidence begins anew.",
            progress.takeovers,
        ),
        "duplicate_samples": ("Samples that came twice, and count once.", progress.duplicates),
        "expired_records": (
            "Records that the topic no longer had when their turn came.",
            progress.expired,
        ),
        "failed_commits": (
            "Offsets that Kafka did not take; the state has them.",
            progress.failed_commits,
        ),
    }
    for name, (doc, value) in counts.items():
        yield CounterMetricFamily(_PREFIX + name, doc, value=value)
