"""The real watch for drift under a real Prometheus: one change is one page, told one way."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import CollectorRegistry, start_http_server

from dashboards import generate
from sidecar.drift import Stream
from tests.conftest import Requires
from tests.daemon.drift import kit
from tests.dashboards import services
from tests.waiting import eventually

ROUTES = ("rag", "b", "c")
PAGE = "AttentionGroundingDrift"
HEALTHY, FAULTY, TOGETHER = 200, 400, 50
NOBODY = "http://127.0.0.1:9"

pytestmark = pytest.mark.slow


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The generated rules, looked at every second and waiting for two."""
    tree = yaml.safe_load((generate.FOLDER / "prometheus/attention.rules.yaml").read_text())
    for group in tree["groups"]:
        group["interval"] = "1s"
        for rule in group["rules"]:
            if rule.get("alert") == PAGE:
                rule["for"] = "2s"
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(tree))
    return file


class Watched:
    """A watch whose routes show a fault, and the Prometheus that scrapes it."""

    def __init__(self, watch: kit.Running, url: str) -> None:
        self._watch, self._url = watch, url

    def ask(self, expr: str) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self._url}/api/v1/query", params={"query": expr}, timeout=10)
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def paging(self) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self._url}/api/v1/alerts", timeout=10).json()
        alerts = answer["data"]["alerts"]
        return [
            one for one in alerts if one["labels"]["alertname"] == PAGE and one["state"] == "firing"
        ]

    def break_down(self) -> None:
        """Every route is asked in turn, at first while all is well."""
        eventually(lambda: self.ask("attention_drift_threshold"))
        for requests in (kit.healthy(HEALTHY), kit.faulty(FAULTY)):
            for start in range(0, len(requests), TOGETHER):
                some = requests.take(slice(start, start + TOGETHER))
                for route in ROUTES:
                    self._watch.feed(some, Stream("m", route))
        assert all(self._watch.state(route=route) == "alarm" for route in ROUTES)


@contextmanager
def watched(
    folder: Path, rules: Path, program: Path, port: int, **settings: Any
) -> Iterator[Watched]:
    with ExitStack() as stack:
        watch = stack.enter_context(kit.running(folder / "watch", *ROUTES, **settings))
        registry = CollectorRegistry()
        registry.register(watch.sink)
        server, _ = start_http_server(port, "127.0.0.1", registry)
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        targets = {"sidecar": f"127.0.0.1:{port}"}
        url = stack.enter_context(services.prometheus(program, folder, targets, rules=rules))
        yield Watched(watch, url)


@pytest.mark.parametrize("addresses", [[], [NOBODY]], ids=["no push", "a push that fails"])
def test_what_routes_share_is_one_page_that_names_them(
    addresses: list[str], rules: Path, requires: Requires, tmp_path: Path, free_port: int
) -> None:
    program = requires("prometheus")
    with watched(tmp_path, rules, program, free_port, alertmanager=addresses) as one:
        one.break_down()
        [page] = eventually(one.paging)
    assert page["labels"]["model_name"] == "m"
    assert page["labels"]["direction"] == "drop"
    assert "route" not in page["labels"]
    listed = page["annotations"]["description"].partition("Routes: ")[2].partition(".")[0]
    assert {*ROUTES} <= {*listed.split(", ")} <= {*ROUTES, "*"}


def test_what_the_daemon_pushes_is_not_paged_by_the_rule_too(
    rules: Path, requires: Requires, tmp_path: Path, free_port: int
) -> None:
    program, manager = requires("prometheus"), requires("prometheus-alertmanager")
    configuration = {"route": {"receiver": "none"}, "receivers": [{"name": "none"}]}
    with (
        services.alertmanager(manager, tmp_path, configuration) as address,
        watched(tmp_path, rules, program, free_port, alertmanager=[f"http://{address}"]) as one,
    ):
        one.break_down()
        pushes = 'attention_sidecar_drift_pushes_total{outcome="ok"}'
        eventually(lambda: one.ask(f"{pushes} > 0"))
        open_for = "count_over_time(attention_drift_since_timestamp_seconds[1m]) > 8"
        eventually(lambda: one.ask(open_for))
        assert one.paging() == []
        assert (
            one.ask(f'count_over_time(ALERTS{{alertname="{PAGE}",alertstate="firing"}}[5m])') == []
        )
        told = httpx.get(f"http://{address}/api/v2/alerts", timeout=10).json()
    assert [alert["labels"]["alertname"] for alert in told] == ["AttentionDrift"]
