"""Each label of an object comes once: a map with a key twice is read differently by each reader."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Requires
from tests.deploy.manifests import CI, MINORS, named
from tools import rendered

KUBERNETES = ("--kube-version", MINORS[-1])
LABELED = {
    "commonLabels": {"release": "all", "team": "inference"},
    "rules": {
        "enabled": True,
        "grafanaUrl": "https://grafana.example.com",
        "labels": {"release": "prometheus"},
    },
    "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "dashboards": {"enabled": True, "labels": {"team": "observability"}},
}


class Strict(yaml.SafeLoader):
    """Refuses a key that comes twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"{sorted(keys)}\n{node.start_mark}"
        return super().construct_mapping(node, deep)


@pytest.fixture(autouse=True)
def tools(requires: Requires) -> None:
    requires("helm")


def strictly(values: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.load_all(rendered.chart(values, MINORS[-1]), Strict) if one]


@pytest.mark.parametrize("values", CI, ids=[values.stem for values in CI])
def test_no_key_comes_twice(values: Path) -> None:
    assert strictly(values)


def test_an_object_s_own_labels_win_over_the_common_ones(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(LABELED))
    found = strictly(values)
    for kind in ("PodMonitor", "PrometheusRule"):
        labels = named(found, kind)["metadata"]["labels"]
        assert (labels["release"], labels["team"]) == ("prometheus", "inference")
    board = named(found, "ConfigMap", "-overview")["metadata"]["labels"]
    assert (board["release"], board["team"]) == ("all", "observability")
    assert board["grafana_dashboard"] == "1"


def test_a_release_may_have_a_number_for_a_name(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("{}")
    text = rendered.run("helm", "template", "1234", rendered.CHART, "--values", values, *KUBERNETES)
    (settings, *_) = [one for one in yaml.load_all(text, Strict) if one]
    assert settings["metadata"]["labels"]["app.kubernetes.io/instance"] == "1234"
