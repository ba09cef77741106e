"""A chart of an engine takes the sidecar from the named templates."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Requires
from tests.deploy import policy
from tests.deploy.manifests import MINORS, containers, named, objects, pods, validate
from tools import rendered
from tools.blocks import ROOT

Tree = dict[str, Any]

ENGINE = """
{{- $sidecar := index .Subcharts "attention-sidecar" }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: engine
spec:
  selector: {matchLabels: {app: engine}}
  template:
    metadata:
      labels: {app: engine}
      annotations:
        {{- include "attention-sidecar.podAnnotations" $sidecar | nindent 8 }}
    spec:
      initContainers:
        {{- include "attention-sidecar.initContainers" $sidecar | nindent 8 }}
      containers:
        - name: vllm
          image: vllm/vllm-openai:latest
          args:
            - --model=facebook/opt-125m
            {{- include "attention-sidecar.engineArgs" $sidecar | nindent 12 }}
          env:
            {{- include "attention-sidecar.engineEnv" $sidecar | nindent 12 }}
          volumeMounts:
            {{- include "attention-sidecar.engineVolumeMounts" $sidecar | nindent 12 }}
      volumes:
        {{- include "attention-sidecar.volumes" $sidecar | nindent 8 }}
"""


@pytest.fixture
def parent(tmp_path: Path, requires: Requires) -> Path:
    """A chart that has ours as a dependency."""
    requires("helm")
    chart = tmp_path / "engine"
    (chart / "templates").mkdir(parents=True)
    (chart / "charts").mkdir()
    (chart / "charts/attention-sidecar").symlink_to(rendered.CHART)
    dependency = {"name": "attention-sidecar", "version": "0.1.0"}
    about = {"apiVersion": "v2", "name": "engine", "version": "1.0.0", "dependencies": [dependency]}
    (chart / "Chart.yaml").write_text(yaml.safe_dump(about))
    (chart / "templates/engine.yaml").write_text(ENGINE)
    return chart


def render(parent: Path, values: Tree) -> list[Tree]:
    file = parent.parent / "values.yaml"
    file.write_text(yaml.safe_dump({"attention-sidecar": values}))
    options = ("--values", file, "--kube-version", MINORS[-1])
    return objects(rendered.run("helm", "template", "demo", parent, *options))


def pod_of(found: list[Tree]) -> Tree:
    (pod,) = pods(named(found, "Deployment", "engine"))
    return pod


@pytest.mark.parametrize("kubernetes", MINORS)
def test_the_engine_is_valid_and_has_a_native_sidecar(parent: Path, kubernetes: str) -> None:
    found = render(parent, {})
    validate(named(found, "Deployment", "engine"), kubernetes)
    pod = pod_of(found)
    assert [one.get("restartPolicy") for one in pod["initContainers"]] == [None, "Always"]
    for container in pod["initContainers"]:
        assert list(policy.broken(container)) == []


def test_it_is_what_the_kustomize_component_adds(parent: Path) -> None:
    """Two ways to one pod; only pulling and the ConfigMap's name differ."""
    found = render(parent, {"fullnameOverride": "attention-sidecar"})
    component = yaml.safe_load((ROOT / "deploy/kustomize/sidecar/pod.yaml").read_text())
    pod, wanted = pod_of(found), component["template"]["spec"]
    for container in pod["initContainers"]:
        del container["imagePullPolicy"]
    for part in ("volumes", "initContainers"):
        assert ordered(pod[part]) == ordered(wanted[part])
    engine, (wanted_engine,) = pod["containers"][0], wanted["containers"]
    for part in ("env", "volumeMounts"):
        assert ordered(engine[part]) == ordered(wanted_engine[part])
    assert engine["args"][1:] == wanted_engine["args"]


def ordered(parts: list[Tree]) -> list[Tree]:
    for part in parts:
        for field in ("env", "volumeMounts"):
            part.get(field, []).sort(key=lambda one: one["name"])
    return sorted(parts, key=lambda one: one["name"])


def test_credentials_and_calibrations_reach_who_needs_them(parent: Path) -> None:
    values = {
        "credentials": {"kafka": {"existingSecret": "kafka"}, "http": {"existingSecret": "token"}},
        "settings": {"kafka": {"sasl_mechanism": "PLAIN"}},
        "calibrations": {"existingConfigMap": "heads", "keys": ["a.json", "b.json"]},
    }
    pod = pod_of(render(parent, values))
    sidecar, engine = pod["initContainers"][1], pod["containers"][0]
    secrets = {"ATTENTION_KAFKA__USERNAME", "ATTENTION_KAFKA__PASSWORD", "ATTENTION_HTTP__TOKEN"}
    assert secrets <= {one["name"] for one in sidecar["env"]}
    assert not secrets & {one["name"] for one in engine["env"]}
    for container in (sidecar, engine):
        variables = {one["name"]: one.get("value") for one in container["env"]}
        paths = '["/etc/attention-calibrations/a.json","/etc/attention-calibrations/b.json"]'
        assert variables["ATTENTION_HEADS__CALIBRATIONS"] == paths
        mounts = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}
        assert mounts["/etc/attention-calibrations"] == "attention-calibrations"
    volumes = {one["name"]: one for one in pod["volumes"]}
    assert volumes["attention-calibrations"]["configMap"] == {"name": "heads"}


def test_a_daemon_has_the_baselines_that_it_watches_by(parent: Path) -> None:
    baselines = {"existingConfigMap": "shops", "keys": ["a.json", "b.json"]}
    pod = pod_of(render(parent, {"sidecar": {"baselines": baselines}}))
    sidecar = pod["initContainers"][1]
    variables = {one["name"]: one.get("value") for one in sidecar["env"]}
    mounts = {one["name"]: one["mountPath"] for one in sidecar["volumeMounts"]}
    folder = mounts["attention-baselines"]
    assert variables["ATTENTION_DRIFT__BASELINE"] == f"{folder}/a.json,{folder}/b.json"
    assert {"name": "attention-baselines", "configMap": {"name": "shops"}} in pod["volumes"]


@pytest.mark.parametrize("kubernetes", MINORS)
def test_each_pod_may_have_a_volume_of_its_own_as_the_page_says(
    parent: Path, kubernetes: str
) -> None:
    page = (ROOT / "docs/deploy/helm.md").read_text()
    (block,) = re.findall(r" *```yaml\n *# values of your chart\n(.*?)```", page, re.DOTALL)
    found = render(parent, yaml.safe_load(block)["attention-sidecar"])
    validate(named(found, "Deployment", "engine"), kubernetes)
    (state,) = [one for one in pod_of(found)["volumes"] if one["name"] == "attention-state"]
    assert set(state) == {"name", "ephemeral"}


def test_every_mount_has_its_volume_and_every_volume_a_mount(parent: Path) -> None:
    values = {
        "calibrations": {"existingConfigMap": "heads"},
        "credentials": {"otel": {"existingSecret": "otel", "caKey": "ca.crt"}},
        "settings": {"otel": {"endpoint": "https://collector:4317"}},
        "sidecar": {"baselines": {"existingConfigMap": "shops"}},
    }
    pod = pod_of(render(parent, values))
    mounted = {mount["name"] for one in containers(pod) for mount in one["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_other_settings_start_the_pods_anew(parent: Path) -> None:
    def annotations(values: Tree) -> Tree:
        engine = named(render(parent, values), "Deployment", "engine")
        found: Tree = engine["spec"]["template"]["metadata"]["annotations"]
        return found

    before = annotations({})
    assert annotations({"dashboards": {"enabled": True}}) == before
    after = annotations({"settings": {"sampling": {"rate": 0.5}}})
    assert after["attention-sidecar/settings"] != before["attention-sidecar/settings"]
