"""What users do with the component, and what it refuses."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Requires
from tests.deploy.manifests import HOSTS, containers, named, objects, overlay, pods
from tools import rendered
from tools.blocks import ROOT

Tree = dict[str, Any]


@pytest.fixture(autouse=True)
def tools(requires: Requires) -> None:
    requires("kustomize")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where users' files lie; Kustomize takes no absolute path, but a link is followed."""
    (tmp_path / "project").symlink_to(ROOT)
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


def build(folder: Path, base: Tree, component: str, **more: Any) -> list[Tree]:
    (folder / "base.yaml").write_text(yaml.safe_dump(base))
    place = f"../{Path('project/deploy/kustomize') / component}"
    whole = {"resources": ["base.yaml"], "components": [place], **more}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(whole))
    return overlay(folder)


def deployment(name: str, **container: Any) -> Tree:
    pod = {"containers": [{"name": "vllm", "image": "vllm/vllm-openai:latest", **container}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"spec": pod}},
    }


@pytest.mark.parametrize(
    ("host", "name", "container"),
    [
        ("vllm-chart", "a-deployment-vllm", {"command": ["/bin/sh", "-c", "vllm serve m"]}),
        ("production-stack", "a-deployment-vllm", {"command": ["/bin/sh", "-c", "vllm serve m"]}),
        ("llm-d", "a-decode", {"command": ["/bin/sh", "-c"], "args": ["vllm serve m"]}),
        ("llm-d", "a-decode", {"args": ["--model", "m"]}),
    ],
)
def test_a_start_command_that_cannot_be_lengthened_is_refused(
    host: str, name: str, container: Tree, folder: Path
) -> None:
    """A word after a shell's text would be swallowed by the shell, in silence."""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        build(folder, deployment(name, **container), f"hosts/{host}")
    assert "containers/0/command" in caught.value.stderr


def test_users_replace_images_and_settings(folder: Path) -> None:
    settings = {"data": {"attention.toml": "[sampling]\nrate = 0.5\n"}}
    patch = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "attention-sidecar"}}
    (folder / "settings.yaml").write_text(yaml.safe_dump(patch | settings))
    found = build(
        folder,
        deployment("a-deployment-vllm", command=["vllm", "serve", "m"]),
        "hosts/vllm-chart",
        namespace="models",
        images=[{"name": "attention-sidecar", "newName": "registry.example/a", "newTag": "1.2.3"}],
        patches=[{"path": "settings.yaml"}],
    )
    (pod,) = pods(named(found, "Deployment"))
    images = [one["image"] for one in containers(pod)]
    assert images[:2] == ["attention-sidecar-plugin:0.1.0", "registry.example/a:1.2.3"]
    config_map = named(found, "ConfigMap")
    assert config_map["metadata"] == {"name": "attention-sidecar", "namespace": "models"}
    assert config_map["data"] | settings["data"] == config_map["data"]
    assert "engine.toml" in config_map["data"]


def test_adding_it_twice_changes_nothing(folder: Path) -> None:
    base = deployment("mine")
    base["metadata"]["annotations"] = {"attention-sidecar/attach": "pods"}
    once = build(folder, base, "sidecar")
    (again,) = [one for one in once if one["kind"] == "Deployment"]
    assert build(folder, again, "sidecar") == once


@pytest.mark.parametrize(
    ("kind", "mark", "count"),
    [("Deployment", "attach", 1), ("Deployment", "other", 0), ("StatefulSet", "attach", 0)],
)
def test_the_page_tells_how_to_count_what_has_it(
    kind: str, mark: str, count: int, folder: Path
) -> None:
    page = (ROOT / "docs/deploy/kustomize.md").read_text()
    (pattern,) = re.findall(r"grep -c '(.*)'", page)
    base = deployment("mine")
    base["metadata"]["annotations"] = {f"attention-sidecar/{mark}": "pods"}
    build(folder, base | {"kind": kind}, "sidecar")
    lines = rendered.run("kustomize", "build", folder).splitlines()
    assert sum(pattern in line for line in lines) == count


@pytest.mark.parametrize("host", HOSTS)
def test_kubectl_renders_the_same(host: str, requires: Requires) -> None:
    kubectl = requires("kubectl")
    text = subprocess.check_output((kubectl, "kustomize", rendered.HOSTS / host), text=True)
    assert objects(text) == overlay(host)
