"""A Grafana that is asked too much, answers oddly, or stores what it does not confirm."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from sidecar.grafana.client import DELAYS, LONGEST_SECONDS, Grafana, GrafanaError
from sidecar.grafana.publish import Publication
from tests.grafana.stub import TOKEN, Stub


@pytest.fixture
def waited() -> list[float]:
    return []


@pytest.fixture
def patient(stub: Stub, waited: list[float]) -> Grafana:
    return Grafana(stub.url, TOKEN, timeout=5, wait=waited.append)


def test_it_waits_as_long_as_grafana_asks(
    stub: Stub, patient: Grafana, waited: list[float]
) -> None:
    stub.failures, stub.retry_after = [429, 429], "7"
    assert patient.get("/folders/x") is None
    assert waited == [7.0, 7.0]


def test_it_waits_until_the_date_that_grafana_says(
    stub: Stub, patient: Grafana, waited: list[float]
) -> None:
    stub.failures = [429]
    stub.retry_after = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert patient.get("/folders/x") is None
    assert waited == [pytest.approx(30, abs=5)]


@pytest.mark.parametrize("header", [None, "soon"])
def test_without_a_time_it_waits_as_usual(
    stub: Stub, patient: Grafana, waited: list[float], header: str | None
) -> None:
    stub.failures, stub.retry_after = [429], header
    assert patient.get("/folders/x") is None
    assert waited == [DELAYS[0]]


def test_a_wait_that_is_too_long_is_left_to_people(
    stub: Stub, patient: Grafana, waited: list[float]
) -> None:
    stub.failures, stub.retry_after = [429], f"{LONGEST_SECONDS + 1:.0f}"
    with pytest.raises(GrafanaError, match=r"429: .*asked too much; try again later, after 61 s"):
        patient.get("/folders/x")
    assert waited == []


def test_what_was_refused_by_429_is_sent_again_though_it_is_not_repeatable(
    stub: Stub, patient: Grafana
) -> None:
    stub.failures = [429]
    patient.post("/annotations", {"tags": []}, repeatable=False)
    assert len(stub.annotations) == 1


@pytest.mark.parametrize("kind", ["folder", "dashboard", "contact point", "rules"])
def test_what_was_stored_though_the_answer_was_lost_is_no_conflict(
    stub: Stub, grafana: Grafana, kind: str
) -> None:
    publication = Publication(grafana, "http://g", "prom-1", "http://pager.example/hook")
    steps = publication.run()
    before = {"folder": 0, "dashboard": 1, "contact point": 7, "rules": 8}[kind]
    done = [next(steps) for _ in range(before)]
    stub.lost = 1
    done += steps
    assert stub.lost == 0
    assert {one.action for one in done} == {"create"}
    assert done[before].kind == kind
    assert {one.action for one in publication.run()} == {"keep"}


def test_a_page_of_a_proxy_is_no_traceback(stub: Stub, grafana: Grafana) -> None:
    stub.failures = [400]
    stub.failure_body = "<p>a message of the proxy</p>"
    with pytest.raises(GrafanaError, match=r"GET /api/folders/x: 400: Bad Request"):
        grafana.get("/folders/x")
