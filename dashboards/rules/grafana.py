"""The table for Grafana-managed alerting: a provisioning file, made with Grafana's builders."""

import json
from typing import Any

from grafana_foundation_sdk.builders import alerting, expr, prometheus
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.alerting import RelativeTimeRange

from dashboards.rules import text
from dashboards.rules.alert import KNOWN, Alert, Looked
from dashboards.rules.records import expanded
from dashboards.rules.table import GROUPS
from dashboards.runbooks import place

DATASOURCE = "prometheus"
"""Uid of the data source, until who provisions says otherwise."""
FOLDER = "Attention"
_LOOKBACK = RelativeTimeRange(from_val=600, to=0)


def provisioning() -> dict[str, Any]:
    """Alert rules in the format of Grafana's file provisioning."""
    groups = [
        {
            "orgId": 1,
            "name": name,
            "folder": FOLDER,
            "interval": "1m",
            "rules": [_rule(alert) for alert in alerts],
        }
        for name, alerts in GROUPS.items()
    ]
    return {"apiVersion": 1, "groups": groups}


def _rule(alert: Alert) -> dict[str, Any]:
    built = (
        alerting.Rule(alert.name)
        .uid(uid(alert.name))
        .condition("B")
        .for_val(alert.wait)
        .no_data_state("OK")
        .exec_err_state("Error")
        .labels(text.labels(alert))
        .annotations(text.for_grafana(alert, place(alert.name)))
        .queries([_asked("A", expanded(alert.expr)), _fires(), *_further(alert)])
    ).build()
    plain: dict[str, Any] = json.loads(json.dumps(built, cls=JSONEncoder))
    kept = ("uid", "title", "condition", "data", "noDataState", "execErrState", "for")
    return {name: plain[name] for name in (*kept, "annotations", "labels")}


def uid(name: str) -> str:
    """Address of a rule: ``AttentionTapBlind`` → ``attention-tapblind``; at most 40 characters."""
    return f"attention-{name.removeprefix('Attention').lower()}"


def _asked(ref: str, query: str) -> alerting.Query:
    model = prometheus.Dataquery().expr(query).instant().ref_id(ref)
    return (
        alerting.Query(ref).datasource_uid(DATASOURCE).relative_time_range(_LOOKBACK).model(model)
    )


def _fires() -> alerting.Query:
    """Every series that A gives fires, whatever its value, as in Prometheus."""
    model = expr.TypeMath().ref_id("B").expression("is_number($A)")
    return alerting.Query("B").datasource_uid("__expr__").model(model)


def _further(alert: Alert) -> list[alerting.Query]:
    refs = text.references(alert)
    return [_asked(refs[name], _named(looked)) for name, looked in alert.looked.items()]


def _named(looked: Looked) -> str:
    """The least value by the alert's labels, or the number of the values that are listed."""
    by, known = ", ".join(looked.labels), f"last_over_time({looked.metric}[{KNOWN}])"
    if not looked.each:
        return f"min by ({by}) ({known})"
    return f"count by ({by}) (group by ({by}, {looked.each}) ({known}))"
