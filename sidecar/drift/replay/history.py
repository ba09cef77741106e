"""Requests of an archive through the monitor, in the order in which they came."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sidecar.drift.alert import Alert
from sidecar.drift.baseline import Baseline
from sidecar.drift.incidents import Incidents
from sidecar.drift.monitor import MOST_STREAMS, Condition, Monitor
from sidecar.drift.replay.ranked import ranked
from sidecar.drift.requests import Floats, Requests, Stream, read
from sidecar.drift.stream import RouteStream
from sidecar.drift.watch import Policy

AT_ONCE = 200
"""Requests of all streams together between two turns: so routes are compared at equal times."""


@dataclass(frozen=True)
class Course:
    """One stream over the whole history."""

    condition: Condition
    """After its last request."""
    requests: int
    measured: int
    """Requests with a paging signal."""
    time: NDArray[np.int64]
    """[n] microseconds since the epoch."""
    deviations: Mapping[str, Floats]
    """[n] residuals by signal, in standard deviations of a reference request; NaN not measured."""
    paging: tuple[str, ...]
    """The signals that page."""
    margin: float
    """Of the first paging signal, in its standard deviations."""


@dataclass(frozen=True)
class Replay:
    """What the monitor would have said."""

    where: str
    alerts: tuple[Alert, ...]
    """Of each stream, firing and resolved, in order."""
    courses: Mapping[Stream, Course]
    """Streams that are watched."""
    dropped: Mapping[str, int]
    """Requests not watched, by reason."""
    conditions: Mapping[Stream, Condition]
    """Of every stream of the baseline or the archive."""

    @property
    def told(self) -> tuple[Alert, ...]:
        """What an engineer would have been told, in order: what routes share is one alert.

        A route that joins an alert is told with it, as if it had been known from the beginning.
        """
        incidents, found = Incidents(), {}
        for alert in filter(None, map(incidents.take, self.alerts)):
            found[alert.id, alert.state] = alert
        return tuple(found.values())

    @property
    def fired(self) -> tuple[Alert, ...]:
        """Alerts as they were raised, with all their routes."""
        return tuple(alert for alert in self.told if alert.state == "firing")

    @property
    def measured(self) -> bool:
        """Whether anything was; without it the absence of alerts says nothing."""
        return any(course.measured for course in self.courses.values())


def replay(
    archive: Path,
    baseline: Baseline,
    *,
    where: str = "true",
    policy: Policy | None = None,
    most_streams: int = MOST_STREAMS,
) -> Replay:
    """Run a fresh monitor over the requests of ``archive`` that ``where`` (SQL) names.

    Raises archive.QueryFailed.
    """
    history = read(archive, where)
    monitor = Monitor(baseline, policy, most_streams=most_streams)
    told = [alert for stream, part in turns(history) for alert in monitor.update(stream, part)]
    over = {alert.id: alert.resolved for alert in told}
    alerts = tuple(
        ranked(archive, where, one, over[one.id]) if one.state == "firing" else one for one in told
    )
    known = {*baseline.streams(), *history}
    return Replay(
        where,
        alerts,
        {stream: _course(stream, monitor, history) for stream in monitor.watches},
        dict(monitor.dropped),
        {stream: _condition(stream, monitor, history) for stream in sorted(known)},
    )


def turns(history: Mapping[Stream, Requests]) -> Iterator[tuple[Stream, Requests]]:
    """All requests in small parts, by time; a stream's own order stays as it is."""
    times = [one.time for one in history.values()]
    every = np.sort(np.concatenate([Requests.none().time, *times]))
    edges = [*every[AT_ONCE::AT_ONCE].tolist(), np.inf]
    places = {stream: np.searchsorted(one.time, edges) for stream, one in history.items()}
    for turn in range(len(edges)):
        for stream, requests in history.items():
            first = int(places[stream][turn - 1]) if turn else 0
            last = int(places[stream][turn])
            if last > first:
                yield stream, requests.take(slice(first, last))


def _condition(stream: Stream, monitor: Monitor, history: Mapping[Stream, Requests]) -> Condition:
    """At the stream's own end, so that a route that ended early is not unmeasured for that."""
    requests = history.get(stream)
    now = float(requests.time[-1]) / 1e6 if requests is not None else 0.0
    return monitor.condition(stream, now)


def _course(stream: Stream, monitor: Monitor, history: Mapping[Stream, Requests]) -> Course:
    requests = history.get(stream, Requests.none())
    route: RouteStream = monitor.watches[stream].route
    rows = route.rows_of(requests)
    deviations = rows.residual / route.scale
    paging = deviations[:, route.paging]
    return Course(
        condition=_condition(stream, monitor, history),
        requests=len(requests),
        measured=int(np.isfinite(paging).any(axis=1).sum()),
        time=requests.time,
        deviations={name: deviations[:, place] for place, name in enumerate(route.names)},
        paging=tuple(route.names[place] for place in route.paging),
        margin=monitor.margin / float(route.scale[route.paging[0]]),
    )
