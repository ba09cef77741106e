"""Every alert fires when it should and is silent when it should, as Prometheus evaluates it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
import yaml

from dashboards import generate, names, runbooks
from dashboards.delivery import BUDGET_LEFT
from dashboards.rules import grafana, text
from dashboards.rules.alert import Alert
from dashboards.rules.records import expanded, groups, records
from dashboards.rules.table import ALERTS, GROUPS
from tests.conftest import Requires
from tests.dashboards import notation
from tests.dashboards.cases import CASES, FURTHER, Case, Series
from tests.dashboards.promql import matchers, name_of, selectors

RULES = generate.FOLDER / "prometheus/attention.rules.yaml"
RECORDED = {record.name for record in records()}
TEMPLATE = re.compile(r"\{\{ \$(labels\.)?(\w+)(?: \| ([^}]+))? \}\}")


def said(template: str, case: Case) -> str:
    """A template as Prometheus should fill it in."""

    def value(match: re.Match[str]) -> str:
        if match[1]:
            label = case.labels[match[2]]
            return quote_plus(label) if match[3] == "urlquery" else label
        return case.value if match[2] == "value" else case.looked[match[2]]

    return TEMPLATE.sub(value, template)


def expected(alert: Alert, case: Case) -> dict[str, dict[str, str]]:
    words = {"summary": alert.summary, "description": alert.description}
    annotations = words | text.links(alert, runbooks.place(alert.name))
    return {
        "exp_labels": case.labels | text.labels(alert),
        "exp_annotations": {name: said(one, case) for name, one in annotations.items()},
    }


def promtool(tool: Path, folder: Path, case: Case, given: Series, **tests: Any) -> None:
    """Run one test, and fail with what promtool says."""
    series = [{"series": key, "values": value} for key, value in given.items()]
    file = folder / "test.yaml"
    whole = {
        "rule_files": [str(RULES)],
        "evaluation_interval": case.every,
        "group_eval_order": [*groups(), *GROUPS],
        "tests": [{"interval": case.every, "input_series": series, **tests}],
    }
    file.write_text(yaml.safe_dump(whole))
    done = subprocess.run(
        [tool, "test", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def told(name: str, case: Case, *found: dict[str, Any]) -> dict[str, Any]:
    """Exactly these alerts at the case's time."""
    test = {"eval_time": case.at, "alertname": name, "exp_alerts": list(found)}
    return {"alert_rule_test": [test]}


def test_every_alert_has_a_case_and_a_runbook_and_no_other_has() -> None:
    assert set(CASES) == set(ALERTS) == set(runbooks.pages())


@pytest.mark.parametrize("name", ALERTS)
def test_it_fires_and_says_so(name: str, requires: Requires, tmp_path: Path) -> None:
    case = CASES[name]
    found = expected(ALERTS[name], case)
    promtool(requires("promtool"), tmp_path, case, case.fires, **told(name, case, found))


@pytest.mark.parametrize("name", ALERTS)
def test_it_is_silent(name: str, requires: Requires, tmp_path: Path) -> None:
    case = CASES[name]
    promtool(requires("promtool"), tmp_path, case, case.silent, **told(name, case))


@pytest.mark.parametrize("which", FURTHER, ids=": ".join)
def test_it_judges_what_is_easily_judged_wrong(
    which: tuple[str, str], requires: Requires, tmp_path: Path
) -> None:
    name, case = which[0], FURTHER[which]
    assert bool(case.fires) != bool(case.silent)
    found = [expected(ALERTS[name], case)] if case.fires else []
    given = case.fires or case.silent
    promtool(requires("promtool"), tmp_path, case, given, **told(name, case, *found))


@pytest.mark.parametrize("name", ALERTS)
def test_a_scrape_that_fails_ends_no_alert(name: str, requires: Requires, tmp_path: Path) -> None:
    case = CASES[name]
    minutes, every = (int(one.rstrip("mh")) * (60 if one[-1] == "h" else 1) for one in case.times)
    given = {
        key: notation.failing(value, minutes // every) if 'job="sidecar"' in key else value
        for key, value in case.fires.items()
        if not key.startswith("up{")
    } | {key: value for key, value in case.fires.items() if key.startswith("up{")}
    firing = f'count(ALERTS{{alertname="{name}",alertstate="firing"}})'
    tests = [
        {"expr": firing, "eval_time": f"{time}m", "exp_samples": [{"labels": "{}", "value": 1}]}
        for time in (minutes - every, minutes, minutes + every)
    ]
    promtool(requires("promtool"), tmp_path, case, given, promql_expr_test=tests)


def test_prometheus_and_alertmanager_accept_the_files(requires: Requires, tmp_path: Path) -> None:
    subprocess.run([requires("promtool"), "check", "rules", RULES], check=True)
    whole = yaml.safe_load((generate.FOLDER / "alertmanager/inhibit-rules.yaml").read_text())
    whole |= {"route": {"receiver": "none"}, "receivers": [{"name": "none"}]}
    file = tmp_path / "alertmanager.yaml"
    file.write_text(yaml.safe_dump(whole))
    subprocess.run([requires("amtool"), "check-config", file], check=True)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_reads_what_is_published_and_is_explained_by_alerts_that_exist(name: str) -> None:
    alert = ALERTS[name]
    for selector in selectors(alert.expr):
        if selector.name not in RECORDED:
            known = names.labels_of(name_of(selector)) | {"job", "instance"}
            assert set(matchers(selector)) <= known
    for looked in alert.looked.values():
        known = names.labels_of(looked.metric) | {"job", "instance"}
        assert {*looked.labels, looked.each or looked.labels[0]} <= known
    for source, cause in alert.explained_by.items():
        assert {*cause.same, *cause.where} <= set(CASES[name].labels)
        assert set(cause.same) <= set(CASES[source].labels)
    assert not set(alert.explained_by) & {
        target for target in ALERTS if name in ALERTS[target].explained_by
    }


def test_a_link_to_a_runbook_leads_to_its_panel_for_good() -> None:
    board = json.loads((generate.FOLDER / f"dashboards/{runbooks.UID}.json").read_text())
    titles = {panel["id"]: panel["title"] for panel in board["panels"]}
    assert {runbooks.place(name): name for name in ALERTS} == titles
    assert titles[1] == "AttentionArchiveStuck"
    assert titles[13] == "AttentionGroundingDrift"
    assert titles[28] == "AttentionUncalibrated"


def test_no_query_counts_days_from_scrapes_at_every_look() -> None:
    """Windows of a day and more are read from records, which are made in a group of their own."""
    seldom = {record.name for record in groups()["attention-records-long"][1]}
    often = [one.expr for one in records() if one.name not in seldom]
    for expr in (*often, BUDGET_LEFT, *(alert.expr for alert in ALERTS.values())):
        for name, _ in re.findall(r"([\w:]+)(?:\{[^}]*\})?\[(\d+d)", expr):
            assert name in seldom
    scraped = (one.expr for one in groups()["attention-records-long"][1])
    assert not [expr for expr in scraped if re.search(r"_total(\{[^}]*\})?\[(3|30)d", expr)]


@pytest.mark.parametrize("page", runbooks.pages().items(), ids=lambda page: page[0])
def test_a_runbook_can_be_followed(page: tuple[str, str]) -> None:
    name, body = page
    assert body.startswith(f"# {name}\n")
    for part in ("**Meaning.**", "**Impact.**", "## Diagnosis", "## Mitigation"):
        assert body.count(part) == 1
    queries = re.findall(r"```promql\n(.*?)\n```", body, re.DOTALL)
    assert queries
    for query in queries:
        for selector in selectors(query):
            names.labels_of(name_of(selector))


def test_grafanas_rules_are_the_same_alerts_without_recorded_series() -> None:
    tree = yaml.safe_load((generate.FOLDER / "grafana/alerting/attention.yaml").read_text())
    rules = [rule for group in tree["groups"] for rule in group["rules"]]
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
