"""The monitor under the daemon: requests that are over go in; alerts, counts and conditions out."""

import logging
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from sidecar import config, signals
from sidecar.daemon.sinks.drift.baselines import merged
from sidecar.daemon.sinks.drift.recent import Recent
from sidecar.daemon.sinks.drift.requests import Request, together
from sidecar.drift import (
    FEWEST_ROUTES,
    FLEET,
    NOT_WATCHED,
    Alert,
    Condition,
    Incidents,
    Monitor,
    Policy,
    Requests,
    Shape,
    SignalBaseline,
    Stream,
)

log = logging.getLogger(__name__)

OUTCOMES = ("watched", "unmeasured", *NOT_WATCHED, "error")
MOST_UNWATCHED = 100
"""Streams without a baseline that are known by name."""


class Row(NamedTuple):
    """A stream as it is now."""

    stream: Stream
    condition: Condition
    evidence: float | None
    """None for what has none: the median of routes, and what is not watched."""
    recent: Recent | None = None
    shape: Shape | None = None


class Watching:
    """One monitor with what a page needs beside it."""

    def __init__(self, settings: config.Drift) -> None:
        """Raises BaselineError."""
        self._settings = settings
        self.baseline = merged(settings.baseline)
        self.identity = self.baseline.identity
        self.streams = self.baseline.streams()
        self.outcomes = Counter(dict.fromkeys(OUTCOMES, 0))
        """Requests that were over, by what became of them."""
        self._unwatched: dict[Stream, None] = {}
        self.begin()

    def begin(self) -> None:
        """With no evidence of anything."""
        policy = Policy(
            run_length=self._settings.run_length,
            least_effect=self._settings.least_effect,
            cool_down=self._settings.cool_down,
            unmeasured_after=self._settings.unmeasured_after,
            silent_after=self._settings.silent_seconds,
        )
        self.monitor = Monitor(self.baseline, policy, most_streams=self._settings.streams)
        self.incidents = Incidents()
        self.recent = {stream: Recent(self.streams[stream]) for stream in self.monitor.watches}
        self.shapes = {stream: Shape(self._paging(stream)) for stream in self.monitor.watches}

    def _paging(self, stream: Stream) -> dict[str, SignalBaseline]:
        """The signals of a stream that page."""
        route = self.monitor.watches[stream].route
        return {route.names[place]: route.baselines[place] for place in route.paging}

    def watches(self, stream: Stream) -> bool:
        """Whether its requests are evidence of anything."""
        return stream in self.monitor.watches

    def split(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Samples of streams that are watched, and the others: these take no room from those."""
        models, routes = (batch.column(name).to_pylist() for name in ("model_name", "route"))
        mine = np.asarray(
            [
                self.watches(Stream(*one))
                for one in zip(models, (r or "" for r in routes), strict=True)
            ],
            dtype=bool,
        )
        return signals.only(batch, mine), signals.only(batch, ~mine)

    def take(self, over: Iterable[Request]) -> list[Alert]:
        """Requests that are over; what is to be told because of them."""
        alerts: list[Alert] = []
        for stream, requests in together(over):
            if not self.watches(stream):
                self._count_unwatched(stream, len(requests))
                continue
            try:
                alerts += self.monitor.update(stream, requests)
                self.recent[stream].add(requests)
                self.shapes[stream].add(requests)
                self._count(stream, requests)
            except Exception:
                self.outcomes["error"] += len(requests)
                log.exception("%d requests of %s are lost for drift", len(requests), stream)
        return list(filter(None, map(self.incidents.take, alerts)))

    def models(self) -> set[str]:
        """Those of which routes enough are watched for a median."""
        return {model for model, one in self.monitor.shared.items() if one.fleet.watches}

    def rows(self) -> Iterator[Row]:
        """Every stream that is known."""
        found: dict[str, list[Condition]] = {}
        now = time.time()
        for stream, watch in self.monitor.watches.items():
            recent = self.recent[stream]
            condition = self.monitor.condition(stream, recent.now(now))
            found.setdefault(stream.model, []).append(condition)
            evidence = watch.route.evidence.statistic
            yield Row(stream, condition, evidence, recent, self.shapes[stream])
        for stream in (*self.monitor.refused, *self._unwatched):
            yield Row(stream, self.monitor.condition(stream, now), None)
        for model in sorted(self.models()):
            yield Row(Stream(model, FLEET), self._shared(model, found[model]), None)

    def _shared(self, model: str, routes: list[Condition]) -> Condition:
        """Of the median of a model's routes."""
        shared = self.monitor.shared[model]
        measured = sum(condition.health != "unmeasured" for condition in routes)
        if shared.open:
            return Condition("alarm", "")
        if measured < max(FEWEST_ROUTES, (len(routes) + 1) // 2):
            return Condition("unmeasured", f"only {measured} routes are measured")
        return Condition("cooling down" if shared.resting else "fine", "")

    def _count(self, stream: Stream, requests: Requests) -> None:
        values = [requests.signal(name) for name in self._paging(stream)]
        known = int(np.isfinite(values).any(axis=0).sum())
        self.outcomes["watched"] += known
        self.outcomes["unmeasured"] += len(requests) - known

    def _count_unwatched(self, stream: Stream, requests: int) -> None:
        why = self.monitor.why_not_watched(stream)
        self.outcomes[why] += requests
        if why == "no_baseline" and len(self._unwatched) < MOST_UNWATCHED:
            self._unwatched[stream] = None

    def state(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "identity": self.identity,
            "monitor": self.monitor.state(),
            "incidents": self.incidents.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`, or raise ValueError and begin anew."""
        if state["identity"] != self.identity:
            raise OtherBaseline(
                f"it is of baseline {state['identity']}, drift.baseline is {self.identity}"
            )
        try:
            self.monitor.restore(state["monitor"])
            self.incidents.restore(state["incidents"])
        except Exception:
            self.begin()
            raise


class OtherBaseline(ValueError):
    """A state that says nothing about this baseline."""


def reason(condition: Condition) -> str:
    """Why a stream is unmeasured, as a label: without the numbers, which would never repeat.

    >>> reason(Condition("unmeasured", "no request for 7200 s"))
    'no request for … s'
    """
    return re.sub(r"\d+", "…", condition.reason)
