"""What moved most, from the archive's samples before and since a change."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sidecar import archive
from sidecar.drift.alert import FLEET, Alert
from sidecar.drift.explain import Moved, rank
from sidecar.schema import LAYER_SIGNAL_NAMES

MOST_SAMPLES = 5000
"""On either side."""
FAR = timedelta(days=1)
"""How far from the change samples are looked for."""
CLEAR = timedelta(minutes=1)
"""How far ahead of a change its time is surely not off."""
SOON = timedelta(seconds=1)
"""After an alert was raised the samples of its request have come."""
FEWEST = 20
"""Samples well before a change that are enough to compare with."""
MOST_TRACES = 3
OFTEN, NEVER = 0.5, 0.01
"""Shares of the samples since and before, of what a change has brought."""

Samples = Callable[[datetime, datetime], pa.Table]
"""Of an alert's stream within [first, end): those nearest to the change."""


class Explanation(NamedTuple):
    """What an alert is given besides."""

    details: tuple[Moved, ...]
    traces: tuple[str, ...]


def explanation(alert: Alert, samples: Samples, until: datetime | None = None) -> Explanation:
    """What is new, ranked groups, and traces of requests that moved far.

    From samples since the change ``until`` a time, or else until the alert was raised.
    """
    before = _before(samples, alert)
    after = samples(alert.since, until or alert.raised + SOON)
    details = (*brought(before, after, alert), *rank(before, after, alert.signal))
    return Explanation(details, tuple(_traces(after, alert)))


def _before(samples: Samples, alert: Alert) -> pa.Table:
    """Samples from before the change, well ahead of it where there are enough.

    Its time is an estimate, too late by some where only a part of the requests is hit: what lies
    just ahead may be of the change already.
    """
    first, took = alert.since - FAR, alert.raised - alert.since
    for ahead in (max(2 * took, CLEAR), took):
        clear = samples(first, alert.since - ahead)
        if len(clear) >= FEWEST:
            return clear
    return samples(first, alert.since)


def brought(before: pa.Table, after: pa.Table, alert: Alert) -> list[Moved]:
    """Tags and the model's revision that most samples have when it is noticed, and none had before.

    ``before`` is then the mean of all samples before, ``after`` of those that have it.
    """
    if not (len(before) and len(after)):
        return []
    noticed, signal = _when_noticed(after, alert), alert.signal
    there, then, here = _marks(before), _marks(noticed), _marks(after)
    found = []
    for mark, rows in here.items():
        often = len(then.get(mark, ())) / len(noticed) >= OFTEN
        if often and len(there.get(mark, ())) / len(before) <= NEVER:
            found.append(_moved(mark, _values(before, signal), _values(after, signal)[rows]))
    return sorted((one for one in found if one), key=lambda one: one.name)


def _when_noticed(after: pa.Table, alert: Alert) -> pa.Table:
    """The last third of the samples until the alert was raised.

    Where the change is thought to have begun too early, the first are of before.
    """
    times = after.column("time").to_numpy().astype("datetime64[us]").astype(np.int64)
    by_then = times <= max((alert.raised + SOON).timestamp() * 1e6, times.min())
    late = times >= np.quantile(times[by_then], 2 / 3)
    return after.filter(pa.array(by_then & late))


def _moved(mark: str, before: NDArray[np.float64], after: NDArray[np.float64]) -> Moved | None:
    there, here = before[np.isfinite(before)], after[np.isfinite(after)]
    if not (len(there) and len(here)):
        return None
    first, second = float(there.mean()), float(here.mean())
    error = np.hypot(there.std() / np.sqrt(len(there)), here.std() / np.sqrt(len(here)))
    return Moved("new", mark, first, second, (second - first) / max(float(error), 1e-9))


def _latter_half(table: pa.Table) -> pa.Table:
    times = table.column("time").to_numpy().astype(np.int64)
    return table.filter(pa.array(times >= np.median(times)))


def _marks(table: pa.Table) -> dict[str, list[int]]:
    """Rows by tag and by revision; sessions are told apart by every request."""
    found: dict[str, list[int]] = {}
    revisions = table.column("model_revision").to_pylist()
    for row, (tags, revision) in enumerate(
        zip(table.column("tags").to_pylist(), revisions, strict=True)
    ):
        for name, value in dict(tags or ()).items():
            if name != "session":
                found.setdefault(f"{name}={value}", []).append(row)
        found.setdefault(f"model_revision={revision}", []).append(row)
    return found


def _values(table: pa.Table, signal: str) -> NDArray[np.float64]:
    found: NDArray[np.float64] = table.column(signal).to_numpy().astype(np.float64)
    return found


def _traces(after: pa.Table, alert: Alert) -> Iterator[str]:
    """Of the samples furthest in the alert's direction."""
    values = _values(after, alert.signal)
    order = np.argsort(values if alert.direction == "drop" else -values, kind="stable")
    traces = after.column("trace_id").take(order).drop_null().to_pylist()
    yield from list(dict.fromkeys(traces))[:MOST_TRACES]


def stored(alert: Alert, folder: Path) -> Samples:
    """From the files of an archive. Raises OSError."""
    found, columns = archive.open(folder), columns_of(alert)

    def samples(first: datetime, end: datetime) -> pa.Table:
        parts, dataset = [found.dataset.schema.empty_table().select(columns)], found.dataset
        for hour in sorted(_hours(first, end), key=lambda one: abs(one - alert.since)):
            if sum(map(len, parts)) < MOST_SAMPLES:
                wanted = _of_stream(alert) & _within(hour, first, end)
                parts.append(dataset.head(MOST_SAMPLES, columns=columns, filter=wanted))
        return pa.concat_tables(parts)

    return samples


def columns_of(alert: Alert) -> list[str]:
    """What `explanation` looks at."""
    name = alert.signal
    layers = ["layers", f"layer_{name}"] if name in LAYER_SIGNAL_NAMES else []
    return ["time", "tags", "model_revision", "documents_found", "trace_id", name, *layers]


def _hours(first: datetime, end: datetime) -> Iterator[datetime]:
    hour = first.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour < end:
        yield hour
        hour += timedelta(hours=1)


def _within(hour: datetime, first: datetime, end: datetime) -> pc.Expression:
    return (
        (pc.field("date") == hour.date())
        & (pc.field("hour") == hour.hour)
        & (pc.field("time") >= pa.scalar(first))
        & (pc.field("time") < pa.scalar(end))
    )


def _of_stream(alert: Alert) -> pc.Expression:
    model = pc.field("model_name") == alert.model_name
    if alert.route == FLEET:
        return model
    route = pc.field("route")
    return model & ((route == alert.route) | (route.is_null() if not alert.route else False))
