"""Streams, evidence and alerts as Prometheus series: `attention_drift_*`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, StateSetMetricFamily
from prometheus_client.metrics_core import Metric

from sidecar.daemon.labels import OTHER, Cap
from sidecar.daemon.sinks.drift.watching import Row, reason
from sidecar.drift import Alert, Stream

PREFIX = "attention_drift_"
HEALTHS = ("fine", "cooling down", "unmeasured", "alarm")
"""From the best to the worst."""
TITLES = {
    "ks": "Kolmogorov-Smirnov distance",
    "psi": "Population stability index",
    "wasserstein": "Wasserstein distance",
}
KINDS, DIRECTIONS = ("behaviour", "traffic"), ("drop", "rise")
STREAM = ("model_name", "route")

Labels = tuple[str, ...]


class StreamLabels:
    """Model and route as labels, bounded; what finds no room shares `other`, the worst of all."""

    def __init__(self, limit: int) -> None:
        self._models, self._routes = Cap(limit), Cap(limit)

    def __call__(self, stream: Stream) -> Labels:
        """Values of `STREAM`."""
        return self._models(stream.model), self._routes(stream.route)


def of_streams(rows: Sequence[Row], labels: StreamLabels, threshold: float) -> Iterator[Metric]:
    """State, reason, evidence, and what the latest requests were expected to be."""
    worst: dict[Labels, Row] = {}
    for row in rows:
        place = labels(row.stream)
        if place not in worst or _badness(row) > _badness(worst[place]):
            worst[place] = row
    state = StateSetMetricFamily(
        f"{PREFIX}state", "State of a stream; route `*` is the median of all.", labels=STREAM
    )
    why = GaugeMetricFamily(
        f"{PREFIX}unmeasured",
        "1 while a stream is unmeasured, and why.",
        labels=(*STREAM, "reason"),
    )
    evidence = GaugeMetricFamily(
        f"{PREFIX}evidence",
        "Evidence of a change, to be compared with the threshold.",
        labels=STREAM,
    )
    for place, row in worst.items():
        state.add_metric(
            place, {one.replace(" ", "_"): one == row.condition.health for one in HEALTHS}
        )
        if row.condition.health == "unmeasured":
            why.add_metric((*place, reason(row.condition)), 1)
        if row.evidence is not None:
            evidence.add_metric(place, row.evidence)
    yield from (state, why, evidence)
    yield GaugeMetricFamily(
        f"{PREFIX}threshold", "Evidence at which a stream is in alarm.", value=threshold
    )
    yield from _recent(worst)
    yield from _shapes(worst)


def _badness(row: Row) -> tuple[int, float]:
    return HEALTHS.index(row.condition.health), row.evidence or 0.0


def _recent(rows: Mapping[Labels, Row]) -> Iterator[Metric]:
    expected = GaugeMetricFamily(
        f"{PREFIX}expected",
        "What the baseline expects of about the last 100 requests, on average.",
        labels=(*STREAM, "signal"),
    )
    residual = GaugeMetricFamily(
        f"{PREFIX}residual",
        "How far about the last 100 requests are from what is expected, on average.",
        labels=(*STREAM, "signal"),
    )
    for place, row in rows.items():
        if row.recent is None or OTHER in place:
            continue
        for number, name in enumerate(row.recent.names):
            for family, values in (
                (expected, row.recent.expected),
                (residual, row.recent.residual),
            ):
                if np.isfinite(values[number]):
                    family.add_metric((*place, name), float(values[number]))
    yield from (expected, residual)


def _shapes(rows: Mapping[Labels, Row]) -> Iterator[Metric]:
    found = {
        gauge: GaugeMetricFamily(
            f"{PREFIX}{gauge}",
            f"{title} of the latest 1,000 to 2,000 requests from the reference's distribution.",
            labels=(*STREAM, "signal"),
        )
        for gauge, title in TITLES.items()
    }
    for place, row in rows.items():
        for one in row.shape.distances() if row.shape and OTHER not in place else ():
            found[one.gauge].add_metric((*place, one.signal), one.value)
    yield from found.values()


def of_alerts(
    alerts: Iterable[Alert], raised: Mapping[Labels, int], labels: StreamLabels
) -> Iterator[Metric]:
    """The alerts that are open, and how many were raised."""
    shift = GaugeMetricFamily(
        f"{PREFIX}shift_deviations",
        "Shift of an open alert, in standard deviations of a reference request.",
        labels=(*STREAM, "signal"),
    )
    since = GaugeMetricFamily(
        f"{PREFIX}since_timestamp_seconds",
        "Estimated time of the change of an open alert.",
        labels=(*STREAM, "signal", "direction", "kind"),
    )
    largest: dict[Labels, Alert] = {}
    for alert in alerts:
        place = (*labels(Stream(alert.model_name, alert.route)), alert.signal)
        if place not in largest or abs(alert.deviations) > abs(largest[place].deviations):
            largest[place] = alert
    for place, alert in largest.items():
        shift.add_metric(place, alert.deviations)
        since.add_metric((*place, alert.direction, alert.kind), alert.since.timestamp())
    total = CounterMetricFamily(
        f"{PREFIX}alerts",
        "Alerts raised, by the route that showed it first.",
        labels=(*STREAM, "kind", "direction"),
    )
    for which, count in raised.items():
        total.add_metric(which, count)
    yield from (shift, since, total)


def no_alerts(streams: Iterable[Stream], labels: StreamLabels) -> Counter[Labels]:
    """A count of 0 for whatever can be raised, so that the first alert shows as an increase."""
    return Counter(
        {
            (*labels(stream), kind, direction): 0
            for stream in streams
            for kind in KINDS
            for direction in DIRECTIONS
        }
    )


def counted(name: str, doc: str, labels: Sequence[str], values: Mapping[Any, int]) -> Metric:
    """A counter by label values, a tuple of strings for each count."""
    family = CounterMetricFamily(name, doc, labels=labels)
    for place, count in values.items():
        family.add_metric(place, count)
    return family
