"""The table for Prometheus, for its operator in Kubernetes, and for Alertmanager."""

from typing import Any

from dashboards.rules import text
from dashboards.rules.alert import Alert
from dashboards.rules.records import records
from dashboards.rules.table import ALERTS, GROUPS
from dashboards.runbooks import place

Tree = dict[str, Any]


def rules() -> Tree:
    """A rule file."""
    recorded = [{"record": one.name, "expr": one.expr} for one in records()]
    recording = {"name": "attention-records", "interval": "30s", "rules": recorded}
    alerting = [
        {"name": name, "interval": "30s", "rules": [_rule(alert) for alert in alerts]}
        for name, alerts in GROUPS.items()
    ]
    return {"groups": [recording, *alerting]}


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
    return {
        "inhibit_rules": [
            {
                "source_matchers": [f'alertname="{source}"'],
                "target_matchers": [f'alertname="{alert.name}"'],
                "equal": list(equal),
            }
            for alert in ALERTS.values()
            for source, equal in alert.explained_by.items()
        ]
    }


def _rule(alert: Alert) -> Tree:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.wait,
        "labels": text.labels(alert),
        "annotations": text.for_prometheus(alert, place(alert.name)),
    }
