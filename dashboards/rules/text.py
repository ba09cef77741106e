"""The words of an alert: the same template, as Prometheus fills it in and as Grafana does."""

import re
from collections.abc import Mapping

from dashboards.rules.alert import Alert, Looked

GRAFANA = "http://localhost:3000"
"""Where links lead until `attention-sidecar grafana` or who deploys says otherwise."""
RUNBOOKS = "attention-runbooks"
_VALUE = re.compile(r"\{\{ \$(\w+) \|")


def labels(alert: Alert) -> dict[str, str]:
    """Labels that every alert of this name has."""
    return {"severity": alert.severity, "product": "attention-sidecar"}


def links(alert: Alert, panel: int) -> dict[str, str]:
    """Addresses of the dashboard, with its variables chosen, and of the runbook's panel."""
    chosen = "".join(
        f"&var-{variable}={{{{ $labels.{label} | urlquery }}}}"
        for label, variable in alert.chosen.items()
    )
    return {
        "dashboard_url": f"{GRAFANA}/d/{alert.dashboard}?from=now-6h&to=now{chosen}",
        "runbook_url": f"{GRAFANA}/d/{RUNBOOKS}?viewPanel={panel}",
    }


def for_prometheus(alert: Alert, panel: int) -> dict[str, str]:
    """Annotations; what is looked up is asked of Prometheus when the alert fires."""
    asked = {name: _asked(looked) for name, looked in alert.looked.items()}
    return _annotations(alert, panel, {"value": "$value"} | asked)


def for_grafana(alert: Alert, panel: int) -> dict[str, str]:
    """Annotations; the value is of query A, what is looked up of a query of its own."""
    read = {name: f"$values.{letter}.Value" for name, letter in references(alert).items()}
    return _annotations(alert, panel, {"value": "$values.A.Value"} | read)


def references(alert: Alert) -> Mapping[str, str]:
    """Letter of the query for each looked-up value; A is the alert's own, B its condition."""
    return dict(zip(alert.looked, "CDEF", strict=False))


def _annotations(alert: Alert, panel: int, values: Mapping[str, str]) -> dict[str, str]:
    def filled(template: str) -> str:
        return _VALUE.sub(lambda match: f"{{{{ {values[match[1]]} |", template)

    words = {"summary": filled(alert.summary), "description": filled(alert.description)}
    return words | links(alert, panel)


def _asked(looked: Looked) -> str:
    """A pipeline that gives the first value of a series with the alert's labels."""
    pattern = ",".join(f"{label}=%q" for label in looked.labels)
    values = " ".join(f"$labels.{label}" for label in looked.labels)
    return f"printf `{looked.metric}{{{pattern}}}` {values} | query | first | value"
