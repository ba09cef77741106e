"""Dashboards and rules on the demo: a real vLLM, daemon, Prometheus and Alertmanager."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import zmq

from dashboards import generate, names
from sidecar import wire
from sidecar.demo.corpus import EVEN
from sidecar.demo.deployment import Deployment
from sidecar.demo.faults import CHANGES, HEALTHY
from sidecar.demo.layout import SERVED_NAME, Layout, baseline_file, prepared
from sidecar.demo.processes import Child, answers
from sidecar.demo.traffic import Traffic
from sidecar.drift import FLEET
from sidecar.grafana.boards import boards, filled, targets
from sidecar.grafana.preview import Live, Span
from sidecar.grafana.preview.fetch import Data, Source
from tests.conftest import Requires
from tests.dashboards import services
from tests.dashboards.must_show import AFTER, MUST_SHOW, OVERVIEW
from tests.dashboards.promql import selectors

TRAFFIC_SECONDS = 40.0
SETTINGS = {"ATTENTION_METRICS__PER_HEAD": "true"}
BOARDS = {board.uid: board for board in boards() if board.has_queries}
PANELS = [
    pytest.param(uid, panel, id=f"{uid}: {panel['title']}")
    for uid, board in BOARDS.items()
    for panel in board.panels()
]

pytestmark = [pytest.mark.slow, pytest.mark.engine, pytest.mark.timeout(1800)]


@dataclass
class Running:
    """The demo under way, and what watches it."""

    layout: Layout
    prometheus: str
    alerts: list[dict[str, Any]]
    started: float

    def shown(self, title: str) -> Data:
        """What a panel of the overview draws."""
        [panel] = [one for one in BOARDS[OVERVIEW].panels() if one["title"] == title]
        return self.source(OVERVIEW).panel(panel, [])

    def source(self, uid: str) -> Source:
        span = Span(self.started, time.time(), scrape=1.0)
        return Source(Live(self.prometheus), BOARDS[uid], span, {})


def until(condition: Callable[[], Any], seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.5)
    return found


@pytest.fixture(scope="module")
def running(requires: Requires, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("live")
    with (
        prepared(folder / "demo") as layout,
        services.webhook() as (hook, alerts),
        ExitStack() as s,
    ):
        environment = layout.settings() | SETTINGS
        log = folder / "daemon.log"
        daemon = s.enter_context(Child("daemon", layout.daemon_command(), env=environment, log=log))
        deployment = s.enter_context(Deployment(layout))
        url = s.enter_context(watched(requires, folder, layout, hook))
        ready = f"{layout.daemon_url}/metrics"
        daemon.wait_until(lambda: answers(ready), seconds=120, what="the start")
        deployment.deploy(HEALTHY)
        started = time.time()
        with Traffic(layout.engine_url, SERVED_NAME, HEALTHY, seed="live") as users:
            until(lambda: len(users.tally.answers) >= 20, 240)
            time.sleep(TRAFFIC_SECONDS)
            yield Running(layout, url, alerts, started)
        assert users.tally.failures == []


@contextmanager
def watched(requires: Requires, folder: Path, layout: Layout, hook: str) -> Iterator[str]:
    """Address of a Prometheus that scrapes both, with our rules and an Alertmanager."""
    targets = {
        "sidecar": f"127.0.0.1:{layout.daemon_port}",
        "vllm": f"127.0.0.1:{layout.engine_port}",
    }
    rules = generate.FOLDER / "prometheus/attention.rules.yaml"
    receivers = [{"name": "hook", "webhook_configs": [{"url": hook}]}]
    route = {"receiver": "hook", "group_wait": "0s", "group_interval": "1s"}
    configuration = {"route": route, "receivers": receivers}
    manager, program = requires("prometheus-alertmanager"), requires("prometheus")
    with (
        services.alertmanager(manager, folder, configuration) as address,
        services.prometheus(program, folder, targets, rules=rules, alertmanager=address) as url,
    ):
        yield url


@pytest.mark.parametrize(("uid", "panel"), PANELS)
def test_a_panel_shows_what_there_is(running: Running, uid: str, panel: dict[str, Any]) -> None:
    """Looked at again where a scrape of the busy daemon has just failed."""
    deadline = time.monotonic() + 30
    while (empty := lacking(running, uid, panel)) and time.monotonic() < deadline:
        time.sleep(1)
    assert empty == []


def lacking(running: Running, uid: str, panel: dict[str, Any]) -> list[str]:
    """Queries that bring nothing though Prometheus has what they ask for, or though they must."""
    source = running.source(uid)
    data = source.panel(panel, [])
    assert data.errors == []
    shown = {one.ref for one in data.series}
    must = not shown and panel["title"] in MUST_SHOW.get(uid, ())
    asked = {one.ref: filled(one.expr, source.variables) for one in targets(panel)}
    return [
        expr
        for ref, expr in asked.items()
        if ref not in shown and (must or all(has_data(running, one) for one in selectors(expr)))
    ]


def has_data(running: Running, selector: Any) -> bool:
    """Whether Prometheus has a series of it that grew old enough for a rate."""
    if selector.offset is not None:
        return False
    recent = f"count_over_time({selector.prettify()}[30s]) > 10"
    return bool(Live(running.prometheus).at(recent, time.time()))


def test_vllm_publishes_what_our_list_says(running: Running) -> None:
    for name, labels in names.vllm().items():
        found = Live(running.prometheus).at(name, time.time())
        assert found, name
        known = {"__name__", "job", "instance"}
        assert set(found[0]["metric"]) - known == labels


def test_the_page_has_nothing_that_the_registry_lacks(running: Running) -> None:
    answer = httpx.get(f"{running.prometheus}/api/v1/label/__name__/values", timeout=10).json()
    ours = [name for name in answer["data"] if name.startswith("attention_")]
    assert len(ours) > 50
    assert [name for name in ours if name not in names.ours()] == []


def test_all_rules_are_evaluated_without_an_error(running: Running) -> None:
    def evaluated() -> list[dict[str, Any]]:
        answer = httpx.get(f"{running.prometheus}/api/v1/rules", timeout=10).json()
        rules = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
        return rules if all(rule["health"] != "unknown" for rule in rules) else []

    rules = until(evaluated, 90)
    assert [rule["name"] for rule in rules if rule["health"] != "ok"] == []
    assert [rule["name"] for rule in rules if rule.get("lastError")] == []


def test_a_real_alert_reaches_the_webhook(running: Running) -> None:
    """One message that the daemon cannot read is counted, and Alertmanager is told of it."""
    address = f"{running.layout.runtime}/attention-sidecar-{os.getuid()}/samples"

    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.connect(f"ipc://{address}")
        socket.send_multipart([wire.SAMPLES, b"not arrow"])

    def arrived() -> list[dict[str, Any]]:
        told = [alert for body in running.alerts for alert in body["alerts"]]
        return [one for one in told if one["labels"]["alertname"] == "AttentionMalformed"]

    alert, *_ = until(arrived, 120)
    assert alert["status"] == "firing"
    assert alert["labels"]["severity"] == "warning"
    assert "/d/attention-runbooks?viewPanel=" in alert["annotations"]["runbook_url"]
    assert "{{" not in str(alert["annotations"])


@pytest.mark.skipif(not baseline_file().is_file(), reason="the demo's model has no baseline")
def test_the_demos_regression_is_one_page_with_its_routes(running: Running) -> None:
    """A retriever that finds nothing of use is rolled out; users go on asking."""

    def told() -> list[dict[str, Any]]:
        alerts = [alert for body in running.alerts for alert in body["alerts"]]
        return [one for one in alerts if one["labels"]["alertname"] == "AttentionGroundingDrift"]

    assert told() == []
    url, change = running.layout.engine_url, CHANGES["retriever"]
    with Traffic(url, SERVED_NAME, change, seed="regression", users=8):
        until(told, 1200)
    fell = [one["labels"] for one in told() if one["labels"]["direction"] == "drop"]
    assert {labels["model_name"] for labels in fell} == {SERVED_NAME}
    assert {labels["severity"] for labels in fell} == {"critical"}
    words = told()[0]["annotations"]["description"]
    routes = words.partition("Routes: ")[2].partition(".")[0].split(", ")
    assert set(routes) <= {*EVEN, FLEET}
    asked = f"{running.prometheus}/api/v1/alerts"
    answer = httpx.get(asked, timeout=10).json()["data"]["alerts"]
    names = [one["labels"]["alertname"] for one in answer if one["state"] == "firing"]
    assert names.count("AttentionGroundingDrift") == 1
    in_alarm, oldest, table = map(running.shown, AFTER)
    assert in_alarm.series[0].last >= 1
    assert running.started < oldest.series[0].last / 1000 < time.time()
    assert {one.labels["route"] for one in table.series} >= {*routes}
    assert {one.ref for one in table.series} == {"A", "B"}, "since when, and how far"


def test_the_demos_pages_can_be_drawn(running: Running, tmp_path: Path) -> None:
    from sidecar.grafana.preview import write

    for board in BOARDS.values():
        span = Span(running.started, time.time(), scrape=1.0)
        assert write(board, Live(running.prometheus), span, tmp_path, {}) == []
