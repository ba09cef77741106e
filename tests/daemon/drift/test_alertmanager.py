"""Alerts pushed to a real Alertmanager, which groups them, calls a webhook and resolves them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sidecar.daemon.sinks.drift import alertmanager as module
from sidecar.daemon.sinks.drift import payload as payloads
from sidecar.daemon.sinks.drift.payload import payload
from sidecar.drift import Alert, Stream
from tests.conftest import Requires
from tests.daemon.drift.alertmanager import Alertmanager, running
from tests.daemon.drift.kit import faulty, healthy
from tests.daemon.drift.kit import running as sink_running
from tests.waiting import eventually


@pytest.fixture
def alertmanager(requires: Requires, tmp_path: Path) -> Iterator[Alertmanager]:
    with running(requires("prometheus-alertmanager"), tmp_path) as started:
        yield started


def alert(route: str = "support", **changes: Any) -> Alert:
    now = datetime.now(UTC)
    given: dict[str, Any] = {
        "id": f"id-{route}",
        "kind": "behaviour",
        "model_name": "m",
        "route": route,
        "signal": "grounding_score",
        "calibrated": True,
        "direction": "drop",
        "shift": -0.2,
        "percent": -50.0,
        "deviations": -2.0,
        "explained": 0.0,
        "since": now - timedelta(minutes=2),
        "raised": now,
        "requests": 40,
        "run_length": 1e7,
        "links": {"runbook": "https://wiki/drift", "dashboard": "https://g/d/1"},
    }
    return Alert(**given | changes)


def resolved(found: Alert) -> Alert:
    return found.model_copy(update={"state": "resolved", "resolved": datetime.now(UTC)})


@contextmanager
def pusher(*addresses: str, alerts: list[Alert] | None = None) -> Iterator[module.Alertmanager]:
    started = module.Alertmanager(addresses)
    started.start(alerts or [])
    try:
        yield started
    finally:
        started.stop(time.monotonic() + 10)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried soon."""
    monkeypatch.setattr(module, "RENEW_SECONDS", 1.0)
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)


def pushes(found: module.Alertmanager, address: str, outcome: str) -> int:
    return found.pushes[address, outcome]


def test_alerts_are_grouped_notified_and_resolved(alertmanager: Alertmanager) -> None:
    with pusher(alertmanager.url) as pushing:
        first, second = alert("support"), alert("sales")
        pushing.tell(first)
        pushing.tell(second)
        eventually(lambda: len(alertmanager.webhook.alerts) >= 2)
        assert sorted(alertmanager.webhook.alerts) == [("sales", "firing"), ("support", "firing")]
        [call] = alertmanager.webhook.calls
        assert call["groupLabels"] == {"alertname": "AttentionDrift", "model_name": "m"}
        annotations = call["alerts"][0]["annotations"]
        assert "grounding_score fell by 50 %" in annotations["summary"]
        assert annotations["runbook_url"] == "https://wiki/drift"
        assert call["alerts"][0]["generatorURL"] == "https://g/d/1"
        pushing.tell(resolved(first))
        eventually(lambda: ("support", "resolved") in alertmanager.webhook.alerts)
        assert [one["labels"]["route"] for one in alertmanager.alerts()] == ["sales"]
        eventually(lambda: first.id not in pushing._alerts)
        assert pushing.fault() == ""


def test_an_open_alert_is_renewed_and_ends_by_itself_when_nobody_does(
    alertmanager: Alertmanager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEW_SECONDS", 1.0)
    monkeypatch.setattr(payloads, "LASTS", timedelta(seconds=20))
    with pusher(alertmanager.url, alerts=[alert()]) as pushing:
        eventually(lambda: pushes(pushing, alertmanager.url, "ok") >= 3)
        [held] = alertmanager.alerts()
        left = datetime.fromisoformat(held["endsAt"]) - datetime.now(UTC)
        assert left > timedelta(0)
    eventually(lambda: alertmanager.alerts() == [])
    eventually(lambda: alertmanager.webhook.alerts[-1:] == [("support", "resolved")])


def test_a_route_that_fails_again_ends_nothing_while_another_is_in_alarm(
    alertmanager: Alertmanager, tmp_path: Path
) -> None:
    shop, staff = Stream("m", "shop"), Stream("m", "staff")
    settings = {"alertmanager": [alertmanager.url], "cool_down": 1}
    with sink_running(tmp_path / "sink", "shop", "staff", **settings) as started:
        for stream in (shop, staff):
            started.feed(faulty(300), stream)
        [first] = {one.id for one in started.listener.alerts}
        eventually(lambda: ("shop", "firing") in alertmanager.webhook.alerts)
        started.feed(healthy(800), shop)
        assert started.state(route="shop") == "fine"
        started.feed(faulty(300, 2), shop)
        assert started.state(route="shop") == "alarm"
        started.feed(healthy(800, 2), shop)
        started.feed(healthy(800, 3), staff)
        assert started.alerts[-1] == (first, "resolved")
        assert {one.id for one in started.listener.alerts} == {first}
        eventually(lambda: alertmanager.webhook.alerts[-1:] == [("shop", "resolved")])
    assert alertmanager.alerts() == []


def pushed_once(alertmanager: Alertmanager, found: Alert) -> None:
    with pusher(alertmanager.url, alerts=[found]) as pushing:
        eventually(lambda: pushes(pushing, alertmanager.url, "ok"))
        eventually(lambda: alertmanager.webhook.alerts)


def test_a_restart_is_no_second_notification(alertmanager: Alertmanager) -> None:
    found = alert()
    for _ in range(2):
        pushed_once(alertmanager, found)
    with pusher(alertmanager.url, alerts=[found]) as pushing:
        pushing.tell(resolved(found))
        eventually(lambda: ("support", "resolved") in alertmanager.webhook.alerts)
    assert alertmanager.webhook.alerts == [("support", "firing"), ("support", "resolved")]


@pytest.mark.usefixtures("impatient")
def test_an_outage_is_told_counted_and_made_up_for(
    alertmanager: Alertmanager,
) -> None:
    alertmanager.kill()
    with pusher(alertmanager.url) as pushing:
        pushing.tell(alert())
        eventually(lambda: pushes(pushing, alertmanager.url, "failed"))
        assert "does not take alerts: [Errno 111] Connection refused" in pushing.fault()
        alertmanager.start()
        eventually(lambda: ("support", "firing") in alertmanager.webhook.alerts)
        eventually(lambda: pushing.fault() == "")


@pytest.mark.usefixtures("impatient")
def test_an_address_that_takes_nothing_shows_before_there_is_an_alert(
    alertmanager: Alertmanager,
) -> None:
    alertmanager.kill()
    with pusher(alertmanager.url) as pushing:
        eventually(lambda: "Connection refused" in pushing.fault())
        alertmanager.start()
        eventually(lambda: pushing.fault() == "")
        assert pushes(pushing, alertmanager.url, "ok") == 1
        assert alertmanager.alerts() == []


def test_what_is_told_while_it_ends_is_pushed(alertmanager: Alertmanager) -> None:
    found = alert()
    with pusher(alertmanager.url) as pushing:
        pushing.tell(found)
    eventually(lambda: alertmanager.webhook.alerts == [("support", "firing")])


def test_of_two_alertmanagers_one_that_is_away_keeps_nothing_from_the_other(
    alertmanager: Alertmanager, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)
    away = f"http://127.0.0.1:{free_port}"
    with pusher(away, f"{alertmanager.url}/") as pushing:
        pushing.tell(alert())
        eventually(lambda: ("support", "firing") in alertmanager.webhook.alerts)
        assert pushes(pushing, away, "failed") >= 1
        assert away in pushing.fault()


def test_what_an_alertmanager_refuses_is_told_in_its_words(alertmanager: Alertmanager) -> None:
    wrong = f"{alertmanager.url}/nowhere"
    with pusher(wrong) as pushing:
        pushing.tell(alert())
        eventually(lambda: pushes(pushing, wrong, "failed"))
        assert "404" in pushing.fault()


def test_labels_hold_nothing_that_changes_while_an_alert_is_open() -> None:
    first = alert()
    later = resolved(first.model_copy(update={"deviations": -3.0, "requests": 900}))
    now = datetime.now(UTC)
    assert payload(first, now)["labels"] == payload(later, now)["labels"]
    assert payload(first, now)["startsAt"] == payload(later, now)["startsAt"]
    assert payload(first, now)["endsAt"] == (now + payloads.LASTS).isoformat()
    assert later.resolved
    assert payload(later, now)["endsAt"] == later.resolved.isoformat()
    assert payload(alert(kind="traffic"), now)["labels"]["severity"] == "warning"
