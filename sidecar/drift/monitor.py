"""The monitor: requests in, alerts out, and for every stream whether it is measured at all."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from sidecar.drift.alert import Alert
from sidecar.drift.baseline.artefact import Baseline
from sidecar.drift.detectors.base import State
from sidecar.drift.requests import PAGING, Requests, Stream
from sidecar.drift.shared import SharedWatch
from sidecar.drift.watch import Policy, Watch

STATE_VERSION = 2
MOST_STREAMS = 1000
FEWEST = 5
"""Measured requests before a stream can be called fine."""

NOT_WATCHED = {
    "no_baseline": "no baseline",
    "no_paging_signal": "no paging signal in the baseline",
    "too_many_streams": "too many streams",
}
"""Why a stream has no watch, in words."""

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
        """Requests not watched, by reason as in `NOT_WATCHED`."""
        self.refused: dict[Stream, str] = {}
        """Streams of the baseline that are not watched, and why."""
        self.watches: dict[Stream, Watch] = {}
        for stream, signals in baseline.streams().items():
            if not signals.keys() & set(PAGING):
                self.refused[stream] = "no_paging_signal"
            elif len(self.watches) >= most_streams:
                self.refused[stream] = "too_many_streams"
            else:
                self.watches[stream] = Watch(stream, signals, baseline.margin, self.policy)
        self.shared = {
            model: SharedWatch(routes, baseline.margin, self.policy)
            for model, routes in self._routes().items()
        }
        self._identity = baseline.identity

    def _routes(self) -> dict[str, list[Watch]]:
        """Of every model."""
        found: dict[str, list[Watch]] = {}
        for stream, watch in self.watches.items():
            found.setdefault(stream.model, []).append(watch)
        return found

    @property
    def threshold(self) -> float:
        """Of evidence: the budget, corrected for the number of streams, fleets included."""
        fleets = sum(one.fleet.watches for one in self.shared.values())
        return self.policy.run_length * (len(self.watches) + fleets)

    def update(self, stream: Stream, requests: Requests) -> list[Alert]:
        """Take requests of one stream in order; alerts raised or resolved by them."""
        watch = self.watches.get(stream)
        if watch is None:
            self.dropped[self.why_not_watched(stream)] += len(requests)
            return []
        alerts, levels = watch.update(requests, self.threshold)
        now = watch.route.last_time or 0
        shared = self.shared[stream.model].update(stream.route, levels, now, self.threshold)
        return [*alerts, *shared]

    def why_not_watched(self, stream: Stream) -> str:
        """Of a stream that has no watch, as in `NOT_WATCHED`."""
        return self.refused.get(stream, "no_baseline")

    def alerts(self) -> list[Alert]:
        """Those that are open, of streams and of all routes."""
        found = [one.open for one in self.watches.values()]
        shared = [one.open for one in self.shared.values()]
        return [alert for alert in (*found, *shared) if alert]

    def condition(self, stream: Stream, now: float) -> Condition:
        """Of a stream at ``now``, in seconds since the epoch. Unmeasured is never fine."""
        watch = self.watches.get(stream)
        if watch is None:
            return Condition("unmeasured", NOT_WATCHED[self.why_not_watched(stream)])
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
        if route.missing():
            return f"{route.missing()} missing in most of the latest requests"
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
            "shared": {model: one.state() for model, one in self.shared.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state` of the same baseline. Raises ValueError."""
        found = state.get("version"), state.get("baseline")
        if found != (STATE_VERSION, self._identity):
            raise ValueError(
                f"state is version {found[0]} of baseline {found[1]}, "
                f"expected {STATE_VERSION} of {self._identity}"
            )
        self.dropped = Counter(state["dropped"])
        for model, route, held in state["streams"]:
            self.watches[Stream(model, route)].restore(held)
        for model, held in state["shared"].items():
            self.shared[model].restore(held)
