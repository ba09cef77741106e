"""Publishing: create, update, nothing to do, conflict, and a Grafana that misbehaves."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from sidecar.cli import main
from sidecar.grafana.boards import boards
from sidecar.grafana.client import DELAYS, Grafana, GrafanaError
from sidecar.grafana.publish import CONTACT, Publication
from tests.grafana.stub import TOKEN, Stub

WEBHOOK = "http://pager.example/hook"


def publication(grafana: Grafana, **changes: Any) -> Publication:
    options = {"url": "https://g.example/", "datasource": "prom-1", "webhook": WEBHOOK}
    return Publication(grafana, **options | changes)


def test_everything_is_created_once_and_then_left_alone(stub: Stub, grafana: Grafana) -> None:
    first = list(publication(grafana).run())
    assert {step.action for step in first} == {"create"}
    assert set(stub.dashboards) == {board.uid for board in boards()}
    assert len(stub.groups) == 3
    written = len(stub.writes())
    again = list(publication(grafana).run())
    assert {step.action for step in again} == {"keep"}
    assert len(stub.writes()) == written


def test_a_dry_run_says_the_same_and_writes_nothing(stub: Stub, grafana: Grafana) -> None:
    steps = list(publication(grafana, dry_run=True).run())
    assert stub.writes() == []
    assert [(one.kind, one.name) for one in steps] == [
        (one.kind, one.name) for one in publication(grafana).run()
    ]


def test_what_differs_is_told_and_updated(stub: Stub, grafana: Grafana) -> None:
    list(publication(grafana).run())
    stub.dashboards["attention-overview"]["dashboard"]["refresh"] = "1d"
    stub.folders["attention-sidecar"]["title"] = "Mine"
    stub.contacts[CONTACT]["settings"] = {"url": "http://elsewhere/key?secret=1"}
    stub.groups["attention-drift"]["rules"][0]["for"] = "9m"
    changed = {one.kind: one for one in publication(grafana).run() if one.action == "update"}
    assert changed["dashboard"].changes == ["dashboard.refresh: '1d' → '30s'"]
    assert changed["folder"].changes == ["title: 'Mine' → 'Attention'"]
    assert changed["rules"].changes == ["rules[0].for: '9m' → '2m'"]
    assert changed["contact point"].changes == [
        "settings.url: 'http://elsewhere/…' → 'http://pager.example/…'"
    ]
    assert {step.action for step in publication(grafana).run()} == {"keep"}


def test_rules_ask_the_given_datasource_and_link_to_the_given_grafana(
    stub: Stub, grafana: Grafana
) -> None:
    list(publication(grafana).run())
    rules = [rule for group in stub.groups.values() for rule in group["rules"]]
    sources = {query["datasourceUid"] for rule in rules for query in rule["data"]}
    assert sources == {"prom-1", "__expr__"}
    assert all(rule["notification_settings"] == {"receiver": CONTACT} for rule in rules)
    links = [rule["annotations"]["runbook_url"] for rule in rules]
    assert all(link.startswith("https://g.example/d/attention-runbooks") for link in links)
    boards = [rule["annotations"]["dashboard_url"] for rule in rules]
    assert all(link.endswith("&var-datasource=prom-1") for link in boards)


def test_a_dashboard_that_somebody_changed_meanwhile_is_a_conflict(
    stub: Stub, grafana: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(publication(grafana).run())
    held = stub.dashboards["attention-alert"]["dashboard"]
    held["title"] = "theirs"
    looked = stub._get_dashboard

    def changed_after_the_look(*arguments: Any) -> Any:
        status, found = looked(*arguments)
        found = json.loads(json.dumps(found))
        held["version"] += 1
        return status, found

    monkeypatch.setattr(stub, "_get_dashboard", changed_after_the_look)
    with pytest.raises(GrafanaError, match=r"/dashboards/db.*412.*publish again") as caught:
        list(publication(grafana).run())
    assert caught.value.status == 412
    assert held["title"] == "theirs"


def test_a_wrong_token_is_told_with_what_to_do(stub: Stub) -> None:
    refused = Grafana(stub.url, "wrong", wait=lambda _: None)
    with pytest.raises(GrafanaError, match=r"401: Invalid API key: .*set GRAFANA_TOKEN"):
        list(publication(refused).run())
    assert len(stub.requests) == 1
    refused.close()


def test_an_error_of_the_server_is_tried_again(stub: Stub, grafana: Grafana) -> None:
    stub.failures = [500, 503]
    assert {step.action for step in publication(grafana).run()} == {"create"}


def test_a_server_that_keeps_failing_is_given_up(stub: Stub, grafana: Grafana) -> None:
    stub.failures = [502] * 10
    with pytest.raises(GrafanaError, match=r"502: asked to fail \(4 tries\)") as caught:
        list(publication(grafana).run())
    assert caught.value.status == 502
    assert len(stub.requests) == len(DELAYS) + 1


def test_a_server_that_does_not_answer_in_time_is_given_up(stub: Stub) -> None:
    slow = Grafana(stub.url, TOKEN, timeout=0.2, wait=lambda _: None)
    stub.delay = 1.0
    with pytest.raises(GrafanaError, match=r"as it should \(4 tries\).*timed? ?out"):
        list(publication(slow).run())
    slow.close()


def test_nobody_there(free_port: int) -> None:
    nobody = Grafana(f"http://127.0.0.1:{free_port}", TOKEN, wait=lambda _: None)
    with pytest.raises(GrafanaError, match="Grafana does not answer"):
        nobody.get("/folders/x")
    nobody.close()


@pytest.mark.parametrize(
    "url",
    ["grafana.example.com", "ftp://x", "https://", "http://g:port", "http://[g", "http://a b"],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(GrafanaError, match=r"^--url .*should be an address"):
        Grafana(url, TOKEN)


def test_an_address_with_a_password_is_refused_and_the_password_not_told() -> None:
    with pytest.raises(GrafanaError, match=r"'g\.example': should be given without user") as caught:
        Grafana("http://admin:hidden@g.example", TOKEN)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("token", ["", " ", "glsa_secret…", "glsa_secret\n"])
def test_a_token_that_is_none_is_refused_and_not_told(token: str) -> None:
    with pytest.raises(
        GrafanaError, match=r"--token or GRAFANA_TOKEN.*service account's"
    ) as caught:
        Grafana("http://g.example", token)
    assert "secret" not in str(caught.value)


def test_a_grafana_below_a_path(stub: Stub) -> None:
    below = Grafana(f"{stub.url}/monitoring/", TOKEN, wait=lambda _: None)
    assert below.get("/folders/x") is None
    assert stub.requests == ["GET /monitoring/api/folders/x"]
    below.close()


def test_the_command(stub: Stub) -> None:
    command = ["grafana", "publish", "--url", stub.url, "--datasource", "prom-1", "--dry-run"]
    runner = CliRunner(env={"GRAFANA_TOKEN": TOKEN})
    told = runner.invoke(main, command, catch_exceptions=False)
    assert told.exit_code == 0
    assert "create dashboard Attention: grounding overview" in told.output
    assert told.output.endswith("nothing was changed\n")
    refused = CliRunner(env={"GRAFANA_TOKEN": "no"}).invoke(main, command, catch_exceptions=False)
    assert refused.exit_code == 1
    assert "set GRAFANA_TOKEN" in refused.output
    assert "Traceback" not in refused.output
