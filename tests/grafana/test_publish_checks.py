"""What is published is checked before anything is written, and a receiver is taken back."""

from typing import Any

import pytest
from click.testing import CliRunner

from sidecar.cli import main
from sidecar.grafana.client import Grafana, GrafanaError
from sidecar.grafana.publish import CONTACT, Publication
from tests.grafana.stub import TOKEN, Stub


def publication(grafana: Grafana, **changes: Any) -> Publication:
    options: dict[str, Any] = {"url": "https://g.example", "datasource": "prom-1"}
    return Publication(grafana, **options | changes)


@pytest.mark.parametrize(
    ("uid", "wrong"),
    [
        ("", "--datasource '': is empty; should be prom-1 (Main)"),
        (" ", "--datasource ' ': is empty; should be prom-1 (Main)"),
        ("prom", "--datasource 'prom': Grafana has no data source with this uid; should be prom-1"),
        ("a/b", "--datasource 'a/b': Grafana has no data source with this uid; should be prom-1"),
        (
            "loki-1",
            "--datasource 'loki-1': is a data source of type 'loki', not Prometheus;",
        ),
    ],
)
def test_a_wrong_data_source_is_refused_before_anything_is_written(
    stub: Stub, grafana: Grafana, uid: str, wrong: str
) -> None:
    with pytest.raises(GrafanaError) as caught:
        list(publication(grafana, datasource=uid).run())
    assert str(caught.value).startswith(wrong)
    assert stub.writes() == []


def test_a_grafana_without_a_prometheus_says_so(stub: Stub, grafana: Grafana) -> None:
    del stub.datasources["prom-1"]
    with pytest.raises(GrafanaError, match="add a Prometheus data source in Grafana first"):
        list(publication(grafana).run())


@pytest.mark.parametrize("uid", ["amazon", "azure"])
def test_what_else_speaks_promql_is_taken(stub: Stub, grafana: Grafana, uid: str) -> None:
    kind = f"grafana-{uid}prometheus-datasource"
    stub.datasources[uid] = {"uid": uid, "name": uid, "type": kind}
    assert {one.action for one in publication(grafana, datasource=uid).run()} == {"create"}


@pytest.mark.parametrize("webhook", ["", "not a url", "pager.example.com", "http://"])
def test_a_webhook_that_is_no_address_is_refused(
    stub: Stub, grafana: Grafana, webhook: str
) -> None:
    with pytest.raises(GrafanaError, match=r"^--webhook '.*should be an address such as") as caught:
        list(publication(grafana, webhook=webhook).run())
    assert repr(webhook) in str(caught.value)
    assert stub.requests == []


def test_rules_lose_their_receiver_when_the_webhook_is_dropped(
    stub: Stub, grafana: Grafana
) -> None:
    list(publication(grafana, webhook="http://pager.example/hook").run())
    changed = [one for one in publication(grafana).run() if one.action == "update"]
    assert {one.kind for one in changed} == {"rules"}
    assert (
        f"rules[0].notification_settings: {{'receiver': '{CONTACT}'}} → None" in changed[0].changes
    )
    rules = [rule for group in stub.groups.values() for rule in group["rules"]]
    assert not any(rule.get("notification_settings") for rule in rules)
    assert {one.action for one in publication(grafana).run()} == {"keep"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--datasource", ""], "--datasource '': is empty"),
        (["--datasource", "prom-1", "--webhook", "not a url"], "--webhook 'not a url': should be"),
        (["--datasource", "prom-1", "--url", "http://g:x"], "--url 'http://g:x': should be"),
    ],
)
def test_the_command_says_what_is_wrong(stub: Stub, options: list[str], told: str) -> None:
    command = ["grafana", "publish", "--url", stub.url, *options]
    refused = CliRunner(env={"GRAFANA_TOKEN": TOKEN}).invoke(main, command, catch_exceptions=False)
    assert refused.exit_code == 1
    assert told in refused.output
    assert stub.writes() == []
