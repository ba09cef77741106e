"""The chart's network policy lets pods do what the values ask of them, or they are refused."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Requires
from tests.deploy.manifests import chart, named, refusal

Tree = dict[str, Any]

SERVERS = ["[::1]:9092", "kafka-0.kafka:9092", "kafka-1.kafka:9093"]
MONITOR = {"enabled": True, "baselines": {"existingConfigMap": "baselines"}}
ALERTMANAGER = {"alertmanager": ["http://alertmanager:9093"]}
COLLECTOR = {"endpoint": "http://collector:4317"}
PEER = {"podSelector": {"matchLabels": {"app": "prometheus"}}}


@pytest.fixture(autouse=True)
def tools(requires: Requires) -> None:
    requires("helm")


def values(settings: Tree, **policy: Any) -> Tree:
    """A monitor behind a policy."""
    return {
        "settings": {"kafka": {"bootstrap_servers": SERVERS}, **settings},
        "monitor": MONITOR,
        "networkPolicy": {"enabled": True, **policy},
    }


def egress(found: list[Tree]) -> list[Tree]:
    rules: list[Tree] = named(found, "NetworkPolicy")["spec"]["egress"]
    return rules


def test_it_has_each_port_of_the_brokers_once(tmp_path: Path) -> None:
    brokers = egress(chart(values({}), tmp_path))[1]
    assert [one["port"] for one in brokers["ports"]] == [9092, 9093]


def test_a_monitor_that_nobody_may_scrape_is_refused_beside_a_pod_monitor(tmp_path: Path) -> None:
    scraped = {"podMonitor": {"enabled": True}}
    assert "networkPolicy.scrapers: nobody" in refusal(values({}) | scraped, tmp_path)
    assert chart(values({}, scrapers=[PEER]) | scraped, tmp_path)


@pytest.mark.parametrize(
    ("settings", "unreached"),
    [
        ({"drift": ALERTMANAGER}, "settings.drift.alertmanager"),
        ({"otel": COLLECTOR}, "settings.otel.endpoint"),
    ],
)
def test_what_the_monitor_could_not_reach_is_refused(
    settings: Tree, unreached: str, tmp_path: Path
) -> None:
    refused = refusal(values(settings), tmp_path)
    assert f"networkPolicy.egress: the monitor would not reach {unreached}" in refused
    rule = {"ports": [{"port": 9093, "protocol": "TCP"}]}
    assert egress(chart(values(settings, egress=[rule]), tmp_path))[-1] == rule


def test_without_a_monitor_nobody_needs_more(tmp_path: Path) -> None:
    alone = values({"drift": ALERTMANAGER, "otel": COLLECTOR}) | {"monitor": {}}
    assert chart(alone | {"podMonitor": {"enabled": True}}, tmp_path)
