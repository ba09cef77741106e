"""The table for Prometheus, for its operator in Kubernetes, and for Alertmanager."""

from typing import Any

from dashboards.rules import drift, records, text
from dashboards.rules.alert import Alert, Cause, by
from dashboards.rules.table import ALERTS, GROUPS
from dashboards.runbooks import place
from sidecar.daemon.sinks.drift import payload

PUSHED = payload.NAME
"""What a daemon pushes by itself."""
_TOLD = by("model_name", "direction", "kind")
_BEHAVIOUR = (PUSHED, "AttentionGroundingDrift")
Tree = dict[str, Any]


def rules() -> Tree:
    """A rule file."""
    recording = [
        {
            "name": name,
            "interval": interval,
            "rules": [{"record": one.name, "expr": one.expr} for one in some],
        }
        for name, (interval, some) in records.groups().items()
    ]
    alerting = [
        {"name": name, "interval": "30s", "rules": [_rule(alert) for alert in alerts]}
        for name, alerts in GROUPS.items()
    ]
    return {"groups": [*recording, *alerting]}


def kubernetes() -> Tree:
    """The same as a PrometheusRule object."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": "attention-sidecar",
            "labels": {"app.kubernetes.io/name": "attention-sidecar"},
        },
        "spec": rules(),
    }


def inhibition() -> Tree:
    """The part of Alertmanager's configuration that keeps explained alerts silent."""
    rules = [
        _inhibits(source, alert.name, cause)
        for alert in ALERTS.values()
        for source, cause in alert.explained_by.items()
    ]
    pushed = [_inhibits(PUSHED, alert.name, _TOLD) for alert in drift.ALERTS]
    return {"inhibit_rules": [*rules, *pushed, *map(_behaviour_explains_traffic, _BEHAVIOUR)]}


def _inhibits(source: str, target: str, cause: Cause) -> Tree:
    where = [f'{label}=~"{regex}"' for label, regex in cause.where.items()]
    return {
        "source_matchers": [f'alertname="{source}"'],
        "target_matchers": [f'alertname="{target}"', *where],
        "equal": list(cause.same),
    }


def _behaviour_explains_traffic(source: str) -> Tree:
    """Of what the daemon pushes, and of what it explains of the rules."""
    return {
        "source_matchers": [f'alertname="{source}"', 'kind="behaviour"'],
        "target_matchers": [f'alertname=~"{PUSHED}|AttentionTrafficDrift"', 'kind="traffic"'],
        "equal": ["model_name", "direction"],
    }


def _rule(alert: Alert) -> Tree:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.wait,
        "labels": text.labels(alert),
        "annotations": text.for_prometheus(alert, place(alert.name)),
    }
