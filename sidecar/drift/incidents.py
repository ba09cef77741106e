"""Alerts that are one change, told as one: a fault that routes share wakes an engineer once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sidecar.drift.alert import Alert
from sidecar.drift.detectors.base import State

TOGETHER = timedelta(minutes=1)
"""Beginnings no further apart than this are not told apart."""
UNSURE = timedelta(minutes=10)
"""By how much a beginning may be estimated too late."""


@dataclass
class _Incident:
    told: Alert
    open: set[str]
    """Ids of the streams' alerts that are not over."""


class Incidents:
    """Takes the alerts of single streams as `Monitor.update` gives them."""

    def __init__(self) -> None:
        self._open: list[_Incident] = []

    def take(self, alert: Alert) -> Alert | None:
        """What is told now: an alert, one that was told with a route more, or one that is over.

        None when nothing is: other streams still show what is over on this one, or this one shows
        again what is still open on others.
        """
        return self._joined(alert) if alert.state == "firing" else self._left(alert)

    def _joined(self, alert: Alert) -> Alert | None:
        for incident in self._open:
            if same(incident.told, alert):
                return self._with(incident, alert)
        self._open.append(_Incident(alert, {alert.id}))
        return alert

    def _with(self, incident: _Incident, alert: Alert) -> Alert | None:
        incident.open.add(alert.id)
        if alert.route in routes(incident.told):
            return None
        also = (*incident.told.also, alert.route)
        incident.told = incident.told.model_copy(update={"also": also})
        return incident.told

    def _left(self, alert: Alert) -> Alert | None:
        for incident in self._open:
            if alert.id in incident.open:
                return self._without(incident, alert)
        return alert

    def _without(self, incident: _Incident, alert: Alert) -> Alert | None:
        incident.open.remove(alert.id)
        if incident.open:
            return None
        self._open.remove(incident)
        over = {"state": "resolved", "resolved": alert.resolved}
        return incident.told.model_copy(update=over)

    def state(self) -> State:
        """As JSON has it."""
        return {
            "open": [[one.told.model_dump(mode="json"), sorted(one.open)] for one in self._open]
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`. Raises ValueError."""
        self._open = [
            _Incident(Alert.model_validate(told), set(left)) for told, left in state["open"]
        ]


def same(told: Alert, alert: Alert) -> bool:
    """Whether an alert is of the change that was told.

    It is when model and direction are the same and it may have begun before the other was raised;
    its estimated beginning is taken to be off by as long as it took to be noticed, but by ten
    minutes at most. A route that comes back is of its own alert whenever it does: a second one
    would have the same labels, and its end would be told as that of both. A change of behaviour
    never hides in one of traffic.
    """
    earliest = alert.since - min(alert.raised - alert.since, UNSURE)
    return (
        alert.model_name == told.model_name
        and alert.direction == told.direction
        and told.kind in ("behaviour", alert.kind)
        and (alert.route in routes(told) or earliest <= told.raised + TOGETHER)
    )


def routes(alert: Alert) -> tuple[str, ...]:
    """Those that have shown its change, as they came."""
    return (alert.route, *alert.also)
