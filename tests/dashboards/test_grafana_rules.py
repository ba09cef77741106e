"""Grafana-managed alerts fire and are silent where Prometheus's do, as Prometheus answers them."""

from pathlib import Path

import pytest
import yaml

from dashboards import generate
from dashboards.rules import grafana
from dashboards.rules.records import expanded, records
from dashboards.rules.table import ALERTS
from tests.conftest import Requires
from tests.dashboards.cases import CASES, FURTHER, Case
from tests.dashboards.judging import Tree, given, promtool
from tests.dashboards.promql import selectors

TREE = yaml.safe_load((generate.FOLDER / "grafana/alerting/attention.yaml").read_text())
RULES = {rule["title"]: rule for group in TREE["groups"] for rule in group["rules"]}
RECORDED = {record.name for record in records()}


def cases(name: str) -> list[Case]:
    """All that an alert is judged by."""
    return [CASES[name], *(case for (of, _), case in FURTHER.items() if of == name)]


def judged(expr: str, case: Case) -> list[Tree]:
    """What Grafana's query gives at the case's time: the alert's labels, or nothing."""
    inside = ",".join(f'{label}="{value}"' for label, value in case.labels.items())
    fires = [{"labels": f"{{{inside}}}", "value": 0}]
    asked = {"expr": f"0 * ({expr})", "eval_time": case.at}
    return [
        given(case, series) | {"promql_expr_test": [asked | {"exp_samples": found}]}
        for series, found in ((case.fires, fires), (case.silent, []))
        if series
    ]


@pytest.mark.parametrize("name", ALERTS)
def test_its_query_gives_what_prometheus_alerts_on(
    name: str, requires: Requires, tmp_path: Path
) -> None:
    expr = RULES[name]["data"][0]["model"]["expr"]
    tests = [test for case in cases(name) for test in judged(expr, case)]
    promtool(requires("promtool"), tmp_path, tests)


def test_they_are_the_same_alerts_without_recorded_series() -> None:
    rules = [rule for group in TREE["groups"] for rule in group["rules"]]
    assert [rule["title"] for rule in rules] == list(ALERTS)
    assert len({rule["uid"] for rule in rules}) == len(rules)
    for rule in rules:
        alert = ALERTS[rule["title"]]
        asked, condition, *_ = rule["data"]
        assert asked["model"]["expr"] == expanded(alert.expr)
        assert not RECORDED & {one.name for one in selectors(asked["model"]["expr"])}
        assert asked["datasourceUid"] == grafana.DATASOURCE
        assert condition["model"]["expression"] == "is_number($A)"
        assert len(rule["uid"]) <= 40
        assert "$value " not in str(rule["annotations"])
        assert "| query" not in str(rule["annotations"]), "Grafana's templates cannot ask"
