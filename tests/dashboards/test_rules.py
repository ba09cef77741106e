"""Every alert fires when it should and is silent when it should, as Prometheus evaluates it."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from dashboards import generate, names, runbooks
from dashboards.delivery import BUDGET_LEFT
from dashboards.rules.records import groups, records
from dashboards.rules.table import ALERTS
from tests.conftest import Requires
from tests.dashboards import notation
from tests.dashboards.cases import CASES, FURTHER
from tests.dashboards.judging import RULES, expected, rule, told
from tests.dashboards.promql import followed, matchers, name_of, selectors

RECORDED = {record.name for record in records()}


def test_every_alert_has_a_case_and_a_runbook_and_no_other_has() -> None:
    assert set(CASES) == set(ALERTS) == set(runbooks.pages())


@pytest.mark.parametrize("name", ALERTS)
def test_it_fires_and_says_so(name: str, requires: Requires, tmp_path: Path) -> None:
    case = CASES[name]
    found = expected(ALERTS[name], case)
    rule(requires("promtool"), tmp_path, name, case, case.fires, **told(name, case, found))


@pytest.mark.parametrize("name", ALERTS)
def test_it_is_silent(name: str, requires: Requires, tmp_path: Path) -> None:
    case = CASES[name]
    rule(requires("promtool"), tmp_path, name, case, case.silent, **told(name, case))


@pytest.mark.parametrize("which", FURTHER, ids=": ".join)
def test_it_judges_what_is_easily_judged_wrong(
    which: tuple[str, str], requires: Requires, tmp_path: Path
) -> None:
    name, case = which[0], FURTHER[which]
    assert bool(case.fires) != bool(case.silent)
    found = [expected(ALERTS[name], case)] if case.fires else []
    given = case.fires or case.silent
    rule(requires("promtool"), tmp_path, name, case, given, **told(name, case, *found))


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
    rule(requires("promtool"), tmp_path, name, case, given, promql_expr_test=tests)


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
        assert cause.same, f"{source} would silence {name} wherever it fires"
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
    queries = followed(body)
    assert queries
    for query in queries:
        for selector in selectors(query):
            names.labels_of(name_of(selector))
