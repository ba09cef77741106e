"""What the sink counts about itself: `attention_sidecar_drift_*`."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from sidecar.daemon.sinks.drift.book import Book
from sidecar.daemon.sinks.drift.families import PREFIX, counted
from sidecar.daemon.sinks.drift.store import Store

_OWN = "attention_sidecar_drift_"
EXPLAINED = ("explained", "nothing_moved", "no_archive", "failed")
REFUSED = ("other_baseline", "unreadable")


@dataclass
class Counts:
    """Of one sink."""

    clock: int = 0
    """Samples whose time was not believed."""
    cut: int = 0
    """Requests taken to be over for lack of room."""
    begun_anew: int = 0
    """Times evidence was given up because others had watched in between."""
    saved: int = 0
    """Snapshots written."""
    explained: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(EXPLAINED, 0)))
    refused: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(REFUSED, 0)))


def requests(outcomes: Mapping[str, int]) -> Metric:
    """Requests by what became of them."""
    doc = "Requests that were over, by whether they were watched and, if not, why."
    values = {(outcome,): count for outcome, count in outcomes.items()}
    return counted(f"{PREFIX}requests", doc, ["outcome"], values)


def collected(counts: Counts, book: Book, store: Store, following: int) -> Iterator[Metric]:
    """Everything that waits, and everything that can be lost."""
    plain = {
        "clock_corrections": (
            "Samples timed by the daemon, their own clock being off.",
            counts.clock,
        ),
        "cut_requests": ("Requests taken to be over for lack of room.", counts.cut),
        "begun_anew": (
            "Times evidence was given up, another member of the group having taken over.",
            counts.begun_anew,
        ),
        "snapshots": ("States saved.", counts.saved),
        "state_failures": ("Writes of the state that the disk did not take.", store.failures),
        "torn_bytes": (
            "Bytes of the state's journal that a crash left incomplete.",
            store.torn_bytes,
        ),
    }
    for name, (doc, value) in plain.items():
        yield CounterMetricFamily(_OWN + name, doc, value=value)
    doc = "Requests that may have further samples."
    yield GaugeMetricFamily(f"{_OWN}open_requests", doc, value=following)
    doc = "Alerts that some target has not taken yet."
    yield GaugeMetricFamily(f"{_OWN}waiting_alerts", doc, value=book.waiting)
    yield counted(
        f"{_OWN}told_alerts",
        "Alerts taken, by target.",
        ["target"],
        {(name,): count for name, count in list(book.told.items())},
    )
    yield counted(
        f"{_OWN}lost_alerts",
        "Alerts lost, by target and reason.",
        ["target", "reason"],
        dict(book.lost),
    )
    doc = "Alerts by whether the archive told what moved most."
    yield counted(
        f"{_OWN}explanations",
        doc,
        ["outcome"],
        {(name,): count for name, count in counts.explained.items()},
    )
    doc = "States of an earlier run that were not used, by reason."
    yield counted(
        f"{_OWN}refused_states",
        doc,
        ["reason"],
        {(name,): count for name, count in counts.refused.items()},
    )
