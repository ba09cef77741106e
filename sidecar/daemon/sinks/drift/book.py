"""Alerts that are open, and those that a target has not taken yet."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sidecar.daemon.sinks.base import AlertTarget, Retryable
from sidecar.drift import Alert

log = logging.getLogger(__name__)

MOST_UNTOLD = 1000
"""Alerts that wait for targets; beyond, the oldest are lost and counted."""


class Book:
    """Delivery is at least once; an alert's `id` and `state` tell what came twice."""

    def __init__(self) -> None:
        self.open: dict[str, Alert] = {}
        """By id."""
        self.told: Counter[str] = Counter()
        """Alerts taken, by target."""
        self.lost: Counter[tuple[str, str]] = Counter()
        """By target and reason: `refused`, `too_many`."""
        self._targets: dict[str, AlertTarget] = {}
        self._untold: list[tuple[str, Alert]] = []

    def meet(self, targets: Sequence[AlertTarget]) -> None:
        """Whom to tell."""
        self._targets = {target.name: target for target in targets}
        for name in self._targets:
            self.told[name] += 0
            for reason in ("refused", "too_many"):
                self.lost[name, reason] += 0

    @property
    def waiting(self) -> int:
        """Alerts that some target has not taken, once for each."""
        return len(self._untold)

    def take(self, alert: Alert) -> None:
        """Enter an alert that was raised, or is over."""
        if alert.state == "firing":
            self.open[alert.id] = alert
        else:
            self.open.pop(alert.id, None)
        self._untold += [(name, alert) for name in self._targets]
        while len(self._untold) > MOST_UNTOLD:
            name, _ = self._untold.pop(0)
            self.lost[name, "too_many"] += 1

    def give_up(self) -> int:
        """Forget which alerts are open, and say how many; those untold are still told."""
        given_up = len(self.open)
        self.open = {}
        return given_up

    def tell(self) -> None:
        """Hand out what waits; a target that cannot take it now is told later, in order."""
        left: list[tuple[str, Alert]] = []
        for name, alert in self._untold:
            if any(name == other for other, _ in left) or not self._taken(name, alert):
                left.append((name, alert))
        self._untold = left

    def _taken(self, name: str, alert: Alert) -> bool:
        """Whether a target is done with an alert: it took it, or never will."""
        target = self._targets.get(name)
        try:
            if target is None:
                raise LookupError(f"no target is called {name}; the settings have changed")
            target.tell(alert)
        except Retryable:
            return False
        except Exception as error:  # noqa: BLE001 - counted, and logged with the alert's id
            log.error("alert %s is lost for %s: %r", alert.id, name, error)
            self.lost[name, "refused"] += 1
        else:
            self.told[name] += 1
        return True

    def state(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "open": [alert.model_dump(mode="json") for alert in self.open.values()],
            "untold": [[name, alert.model_dump(mode="json")] for name, alert in self._untold],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`. Raises ValueError."""
        alerts = [Alert.model_validate(alert) for alert in state["open"]]
        untold = [(name, Alert.model_validate(alert)) for name, alert in state["untold"]]
        self.open, self._untold = {alert.id: alert for alert in alerts}, untold
