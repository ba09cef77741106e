"""The chart by helm's own lint, and what it renders by the schemas of Kubernetes."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Requires
from tests.deploy import policy
from tests.deploy.manifests import CI, MINORS, chart, containers, named, pods, validate
from tools import rendered
from tools.blocks import ROOT

Tree = dict[str, Any]

NAMES = [values.stem for values in CI]
GENERATED = ROOT / "dashboards/generated"
RULES = {"enabled": True, "grafanaUrl": "https://grafana.example.com/team/"}
OWN_KINDS = {
    "PodMonitor": {"selector", "namespaceSelector", "podMetricsEndpoints"},
    "PrometheusRule": {"groups"},
}


@pytest.fixture(autouse=True)
def tools(requires: Requires) -> None:
    requires("helm")


@pytest.fixture(scope="module", params=CI, ids=NAMES)
def objects(request: pytest.FixtureRequest, requires: Requires) -> list[Tree]:
    requires("helm")
    return chart(request.param)


@pytest.mark.parametrize("values", CI, ids=NAMES)
def test_lint_finds_nothing(values: Path, requires: Requires) -> None:
    lint = (requires("helm"), "lint", "--strict", rendered.CHART, "--values", values)
    found = subprocess.run(lint, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
    assert "[WARNING]" not in found.stdout


def test_schemas_are_of_three_versions_up_to_the_one_that_is_rendered_for() -> None:
    newest = int(rendered.NEWEST.removeprefix("1."))
    assert [f"1.{minor}" for minor in range(newest - 2, newest + 1)] == MINORS


@pytest.mark.parametrize("kubernetes", MINORS)
def test_objects_are_valid(objects: list[Tree], kubernetes: str) -> None:
    for one in objects:
        if one["kind"] not in OWN_KINDS:
            validate(one, kubernetes)


def test_objects_of_prometheus_operator_have_known_fields(objects: list[Tree]) -> None:
    for one in objects:
        if one["kind"] in OWN_KINDS:
            assert one["apiVersion"] == "monitoring.coreos.com/v1"
            assert set(one["spec"]) <= OWN_KINDS[one["kind"]]
            for endpoint in one["spec"].get("podMetricsEndpoints", []):
                assert set(endpoint) == {"port", "path", "interval", "scrapeTimeout"}


def test_names_are_short_and_come_once(objects: list[Tree]) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(names) == len(set(names))
    assert [name for _, name in names if len(name) > 52] == []


def test_containers_keep_every_promise(objects: list[Tree]) -> None:
    found = [(one["name"], list(policy.broken(one))) for one in all_containers(objects)]
    assert [pair for pair in found if pair[1]] == []
    assert {name for name, _ in found} <= set(policy.OURS)


def all_containers(objects: list[Tree]) -> Iterator[Tree]:
    for one in objects:
        for pod in pods(one):
            yield from containers(pod)


def test_pods_have_no_token_of_kubernetes_and_own_what_they_write(objects: list[Tree]) -> None:
    for pod in (pod for one in objects for pod in pods(one)):
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["fsGroup"] == 65532
        assert pod["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"


def test_selectors_meet_the_pods(objects: list[Tree]) -> None:
    for one in objects:
        if one["kind"] == "Deployment":
            labels = one["spec"]["template"]["metadata"]["labels"]
            assert one["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_by_default_there_are_settings_and_nothing_else(tmp_path: Path) -> None:
    found = chart({}, tmp_path)
    running = [one for one in found if "helm.sh/hook" not in one["metadata"].get("annotations", {})]
    assert [one["kind"] for one in running] == ["ConfigMap"]


def test_dashboards_and_rules_are_the_generated_ones(tmp_path: Path, requires: Requires) -> None:
    found = chart({"rules": RULES, "dashboards": {"enabled": True}}, tmp_path)
    files = {
        file: text
        for one in found
        if one["kind"] == "ConfigMap"
        for file, text in one["data"].items()
    }
    dashboards = sorted((GENERATED / "dashboards").iterdir())
    assert len(dashboards) > 5
    for file in dashboards:
        assert files[file.name].rstrip() == file.read_text().rstrip()
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump(named(found, "PrometheusRule")["spec"]))
    generated = (GENERATED / "prometheus/attention.rules.yaml").read_text()
    own = generated.replace("http://localhost:3000", "https://grafana.example.com/team")
    assert yaml.safe_load(rules.read_text()) == yaml.safe_load(own)
    assert "localhost" not in rules.read_text()
    subprocess.run([requires("promtool"), "check", "rules", rules], check=True)


def test_nobody_scrapes_through_the_network_policy_unless_named(tmp_path: Path) -> None:
    closed = chart({"networkPolicy": {"enabled": True}}, tmp_path)
    assert "ingress" not in named(closed, "NetworkPolicy")["spec"]
    peer = {"podSelector": {"matchLabels": {"app": "prometheus"}}}
    opened = chart({"networkPolicy": {"enabled": True, "scrapers": [peer]}}, tmp_path)
    assert named(opened, "NetworkPolicy")["spec"]["ingress"][0]["from"] == [peer]
