"""What is told once: a fault that several streams show."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sidecar.drift import FLEET, Alert, Incidents, sentence

START = datetime(2026, 11, 26, 6, 0, tzinfo=UTC)


def alert(route: str, since: float, raised: float, **changes: Any) -> Alert:
    """Times in minutes."""
    given: dict[str, Any] = {
        "id": f"{route}-{since}",
        "kind": "behaviour",
        "model_name": "m",
        "signal": "grounding_score",
        "calibrated": True,
        "direction": "drop",
        "shift": -0.3,
        "percent": -75.0,
        "deviations": -3.0,
        "explained": 0.0,
        "requests": 40,
        "run_length": 1e7,
    }
    times = {
        "since": START + timedelta(minutes=since),
        "raised": START + timedelta(minutes=raised),
    }
    return Alert(route=route, **{**given, **times, **changes})


def over(one: Alert, at: float) -> Alert:
    resolved = START + timedelta(minutes=at)
    return one.model_copy(update={"state": "resolved", "resolved": resolved})


def test_routes_that_show_one_fault_are_one_alert() -> None:
    incidents, first = Incidents(), alert("shop", 10, 12)
    assert incidents.take(first) == first
    told = incidents.take(alert("staff", 11, 14))
    assert told is not None
    assert (told.id, told.route, told.also) == (first.id, "shop", ("staff",))
    assert "routes shop and staff" in sentence(told)
    last = incidents.take(alert(FLEET, 9, 20))
    assert last is not None
    assert "routes shop and staff" in sentence(last)


def test_it_is_over_when_the_last_of_them_is() -> None:
    incidents = Incidents()
    one, two = alert("shop", 10, 12), alert("staff", 11, 14)
    for each in (one, two):
        incidents.take(each)
    assert incidents.take(over(one, 30)) is None
    told = incidents.take(over(two, 40))
    assert told is not None
    assert (told.id, told.state, told.also) == (one.id, "resolved", ("staff",))
    assert told.resolved == START + timedelta(minutes=40)
    assert incidents.state() == {"open": []}


@pytest.mark.parametrize(
    "other",
    [
        alert("staff", 20, 24),
        alert("staff", 33, 101),
        alert("staff", 11, 14, direction="rise"),
        alert("staff", 11, 14, model_name="other"),
    ],
    ids=["later", "later and slow", "direction", "model"],
)
def test_another_fault_is_another_alert(other: Alert) -> None:
    incidents = Incidents()
    incidents.take(alert("shop", 10, 12))
    assert incidents.take(other) == other


@pytest.mark.parametrize("route", ["shop", "staff"])
def test_a_route_that_comes_back_is_of_its_own_alert_while_that_is_open(route: str) -> None:
    incidents, first = Incidents(), {"shop": alert("shop", 10, 12), "staff": alert("staff", 11, 14)}
    for one in first.values():
        incidents.take(one)
    assert incidents.take(over(first.pop(route), 30)) is None
    again = alert(route, 60, 61)
    assert incidents.take(again) is None
    [other] = first.values()
    assert incidents.take(over(other, 70)) is None
    told = incidents.take(over(again, 80))
    assert told is not None
    assert (told.id, told.state, told.also) == ("shop-10", "resolved", ("staff",))
    assert incidents.take(again) == again


def test_a_route_that_comes_back_the_other_way_is_another_alert() -> None:
    incidents, first = Incidents(), alert("shop", 10, 12)
    for one in (first, alert("staff", 11, 14)):
        incidents.take(one)
    incidents.take(over(first, 30))
    risen = alert("shop", 60, 61, direction="rise")
    assert incidents.take(risen) == risen


def test_a_change_of_behaviour_does_not_hide_in_one_of_traffic() -> None:
    incidents, behaviour = Incidents(), alert("staff", 11, 14)
    incidents.take(alert("shop", 10, 12, kind="traffic"))
    assert incidents.take(behaviour) == behaviour
    told = incidents.take(alert("policy", 11, 14, kind="traffic"))
    assert told is not None
    assert told.route == "shop"


def test_a_restart_changes_nothing() -> None:
    before, after = Incidents(), Incidents()
    one, two = alert("shop", 10, 12), alert("staff", 11, 14)
    before.take(one)
    before.take(two)
    after.restore(json.loads(json.dumps(before.state())))
    assert after.take(over(two, 30)) is None
    told = after.take(over(one, 30))
    assert told is not None
    assert (told.id, told.also) == (one.id, ("staff",))
