"""The words of an alert: the same template, as Prometheus fills it in and as Grafana does."""

import re
from collections.abc import Mapping

from dashboards.rules.alert import KNOWN, Alert, Looked

GRAFANA = "http://localhost:3000"
"""Where links lead until `attention-sidecar grafana` or who deploys says otherwise."""
RUNBOOKS = "attention-runbooks"
_VALUE, _LIST = re.compile(r"\{\{ \$(\w+) \|"), re.compile(r"\{\{ \$(\w+) \}\}")


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
    values = {name: _least(one) for name, one in alert.looked.items() if not one.each}
    lists = {name: _every(one) for name, one in alert.looked.items() if one.each}
    return _annotations(alert, panel, {"value": "$value"} | values, lists)


def for_grafana(alert: Alert, panel: int) -> dict[str, str]:
    """Annotations; the value is of query A, what is looked up of a query of its own.

    Grafana's templates cannot walk through series: of a list they say how many there are.
    """
    values = {name: f"$values.{letter}.Value" for name, letter in references(alert).items()}
    lists = {
        name: f"{{{{ {values[name]} }}}}, named on the dashboard"
        for name, one in alert.looked.items()
        if one.each
    }
    return _annotations(alert, panel, {"value": "$values.A.Value"} | values, lists)


def references(alert: Alert) -> Mapping[str, str]:
    """Letter of the query for each looked-up value; A is the alert's own, B its condition."""
    return dict(zip(alert.looked, "CDEF", strict=False))


def _annotations(
    alert: Alert, panel: int, values: Mapping[str, str], lists: Mapping[str, str]
) -> dict[str, str]:
    def filled(template: str) -> str:
        listed = _LIST.sub(lambda match: lists[match[1]], template)
        return _VALUE.sub(lambda match: f"{{{{ {values[match[1]]} |", listed)

    words = {"summary": filled(alert.summary), "description": filled(alert.description)}
    return words | links(alert, panel)


def _least(looked: Looked) -> str:
    """A pipeline that gives the least value of the series with the alert's labels."""
    return f"{_asked(f'min({_series(looked)})', looked)} | first | value"


def _every(looked: Looked) -> str:
    """Values of a label of the series with the alert's labels, one after another."""
    asked = _asked(f"group by ({looked.each}) ({_series(looked)})", looked)
    return (
        f'{{{{ range $place, $one := {asked} | sortByLabel "{looked.each}" }}}}'
        "{{ if $place }}, {{ end }}"
        f"{{{{ $one.Labels.{looked.each} }}}}{{{{ end }}}}"
    )


def _series(looked: Looked) -> str:
    """The series, with a place for the value of each label."""
    labels = ",".join(f"{label}=%q" for label in looked.labels)
    return f"last_over_time({looked.metric}{{{labels}}}[{KNOWN}])"


def _asked(query: str, looked: Looked) -> str:
    """A pipeline that gives what Prometheus answers, the alert's labels put in."""
    labels = " ".join(f"$labels.{label}" for label in looked.labels)
    return f"printf `{query}` {labels} | query"
