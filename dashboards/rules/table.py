"""All alerts, and the order in which one explains another."""

from dashboards.rules import drift, fleet, losses, measuring, signals, watching
from dashboards.rules.alert import Alert

GROUPS: dict[str, tuple[Alert, ...]] = {
    "attention-drift": (*drift.ALERTS, *watching.ALERTS, *fleet.ALERTS),
    "attention-measuring": (*measuring.ALERTS, *signals.ALERTS),
    "attention-delivery": losses.ALERTS,
}
ALERTS = {alert.name: alert for alerts in GROUPS.values() for alert in alerts}
