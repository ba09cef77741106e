"""The monitor: requests in, alerts out, and for every stream whether it is measured at all."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import numpy as np

from sidecar.drift.alert import FLEET, Alert
from sidecar.drift.baseline.artefact import Baseline
from sidecar.drift.detectors.base import Floats, State
from sidecar.drift.fleet import LENGTH, Fleet
from sidecar.drift.requests import FALLBACK, PRIMARY, Requests, Stream
from sidecar.drift.watch import Policy, Watch

STATE_VERSION = 2
MOST_STREAMS = 1000
FEWEST = 5
"""Measured requests before a stream can be called fine."""

Health = Literal["fine", "alarm", "cooling down", "unmeasured"]


class Condition(NamedTuple):
    """What is known of a stream now."""

    health: Health
    reason: str
    """Why it is unmeasured, else ''."""


class Monitor:
    """Watches all streams of a baseline; bounded in memory, saved and restored as plain data.

    A stream without a baseline has no memory here: its requests are counted in `dropped`. Times
    are only used for the hour of the week and to say when a change began, so a clock that jumps
    moves no evidence.
    """

    def __init__(
        self, baseline: Baseline, policy: Policy | None = None, *, most_streams: int = MOST_STREAMS
    ) -> None:
        self.policy = policy or Policy()
        self.margin = baseline.margin
        self.dropped: Counter[str] = Counter()
        """Requests not watched, by reason: `no_baseline`, `too_many_streams`."""
        self.refused: set[Stream] = set()
        """Streams of the baseline that are not watched."""
        self.watches: dict[Stream, Watch] = {}
        for stream, signals in baseline.streams().items():
            if len(self.watches) >= most_streams or not {PRIMARY, *FALLBACK} & set(signals):
                self.refused.add(stream)
                continue
            self.watches[stream] = Watch(stream, signals, baseline.margin, self.policy)
        self._fleets = {model: self._fleet(model, baseline.margin) for model in self._models()}
        self._identity = hashlib.sha256(baseline.model_dump_json().encode()).hexdigest()
        self._fleet_alerts: set[str] = set()

    def _models(self) -> set[str]:
        return {stream.model for stream in self.watches}

    def _fleet(self, model: str, margin: float) -> Fleet:
        routes = [watch for stream, watch in self.watches.items() if stream.model == model]
        scales = [watch.route.scale[watch.route.paging].mean() for watch in routes]
        likeness = max(watch.route.likeness for watch in routes)
        return Fleet(len(routes), margin / float(np.median(scales)), likeness)

    @property
    def threshold(self) -> float:
        """Of evidence: the budget, corrected for the number of streams, fleets included."""
        fleets = sum(fleet.watches for fleet in self._fleets.values())
        return self.policy.run_length * (len(self.watches) + fleets)

    def update(self, stream: Stream, requests: Requests) -> list[Alert]:
        """Take requests of one stream in order; alerts raised or resolved by them."""
        watch = self.watches.get(stream)
        if watch is None:
            reason = "too_many_streams" if stream in self.refused else "no_baseline"
            self.dropped[reason] += len(requests)
            return []
        alerts, levels = watch.update(requests, self.threshold)
        return [*alerts, *self._shared(stream, watch, levels)]

    def _shared(self, stream: Stream, watch: Watch, levels: Floats) -> list[Alert]:
        """An alert of the fleet, once; it ends with the process that is told of it, or `over`."""
        fleet = self._fleets[stream.model]
        grown = fleet.add(stream.route, levels)
        known = stream.model in self._fleet_alerts
        if not grown or known or fleet.statistic < self.threshold:
            return []
        self._fleet_alerts.add(stream.model)
        return [self._fleet_alert(stream.model, watch, fleet)]

    def over(self, model: str) -> None:
        """The fleet's alert of a model is settled; watch its median anew."""
        self._fleet_alerts.discard(model)
        self._fleets[model].reset()

    def _fleet_alert(self, model: str, watch: Watch, fleet: Fleet) -> Alert:
        now = _moment(watch.route.last_time or 0)
        deviations = fleet.median
        return Alert(
            id=hashlib.sha256(f"{model}\n{FLEET}\n{now}".encode()).hexdigest()[:16],
            kind="behaviour",
            model_name=model,
            route=FLEET,
            signal=watch.route.names[watch.route.paging[0]],
            calibrated=watch.route.calibrated,
            direction="rise" if fleet.median > 0 else "drop",
            shift=deviations * float(watch.route.scale[watch.route.paging[0]]),
            percent=0.0,
            deviations=deviations,
            explained=0.0,
            since=now,
            raised=now,
            requests=fleet.medians * LENGTH,
            run_length=self.policy.run_length,
        )

    def condition(self, stream: Stream, now: float) -> Condition:
        """Of a stream at ``now``, in seconds since the epoch. Unmeasured is never fine."""
        watch = self.watches.get(stream)
        if watch is None:
            known = stream in self.refused
            return Condition("unmeasured", "too many streams" if known else "no baseline")
        reason = self._why_unmeasured(watch, now)
        if reason:
            return Condition("unmeasured", reason)
        if watch.open:
            return Condition("alarm", "")
        return Condition("cooling down" if watch.resting else "fine", "")

    def _why_unmeasured(self, watch: Watch, now: float) -> str:
        route, policy = watch.route, self.policy
        if route.last_time is None:
            return "no request yet"
        if now - route.last_time / 1e6 > policy.silent_after:
            return f"no request for {now - route.last_time / 1e6:.0f} s"
        if route.unmeasured_in_a_row >= policy.unmeasured_after:
            return f"signal missing in the last {route.unmeasured_in_a_row} requests"
        if route.seen - route.unmeasured < FEWEST:
            return "too few requests yet"
        return ""

    def state(self) -> State:
        """What a restart needs, as JSON has it."""
        return {
            "version": STATE_VERSION,
            "baseline": self._identity,
            "dropped": dict(self.dropped),
            "streams": [[*stream, watch.state()] for stream, watch in self.watches.items()],
            "fleets": {model: fleet.state() for model, fleet in self._fleets.items()},
            "fleet_alerts": sorted(self._fleet_alerts),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state` of the same baseline. Raises ValueError."""
        found = state.get("version"), state.get("baseline")
        if found != (STATE_VERSION, self._identity):
            raise ValueError(
                f"state is version {found[0]} of baseline {str(found[1])[:12]}, "
                f"expected {STATE_VERSION} of {self._identity[:12]}"
            )
        self.dropped = Counter(state["dropped"])
        for model, route, held in state["streams"]:
            self.watches[Stream(model, route)].restore(held)
        for model, held in state["fleets"].items():
            self._fleets[model].restore(held)
        self._fleet_alerts = set(state["fleet_alerts"])


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, UTC)
