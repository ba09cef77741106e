"""Every host's workloads with the sidecar, by the real kustomize."""

from typing import Any

import pytest

from sidecar import config
from tests.conftest import Requires
from tests.deploy import policy
from tests.deploy.manifests import (
    HOSTS,
    MINORS,
    containers,
    named,
    overlay,
    pods,
    validate,
    validate_pod,
)
from tools.blocks import ROOT

Tree = dict[str, Any]

ATTACHED = {
    "vllm-chart": [("Deployment", "demo-deployment-vllm")],
    "production-stack": [("Deployment", "demo-opt125m-deployment-vllm")],
    "llm-d": [
        ("Deployment", "demo-llm-d-modelservice-decode"),
        ("LeaderWorkerSet", "wide-llm-d-modelservice-decode"),
    ],
    "kserve": [("InferenceService", "opt"), ("LLMInferenceService", "opt")],
    "plain": [("Deployment", "mine"), ("LeaderWorkerSet", "many")],
}
MIDDLEWARE = "--middleware=sidecar.tap.middleware.AttentionMiddleware"
BUILT_IN = ("ConfigMap", "Deployment")


@pytest.fixture(scope="module")
def built(requires: Requires) -> dict[str, list[Tree]]:
    requires("kustomize")
    return {host: overlay(host) for host in HOSTS}


def workloads(built: dict[str, list[Tree]]) -> list[Tree]:
    return [
        named(built[host], kind, name) for host, found in ATTACHED.items() for kind, name in found
    ]


def test_every_host_is_looked_at() -> None:
    assert set(HOSTS) == set(ATTACHED)
    own = {host.name for host in (ROOT / "deploy/kustomize/hosts").iterdir()}
    assert own | {"plain"} == set(HOSTS)


def test_engines_get_the_sidecar_and_nothing_else_does(built: dict[str, list[Tree]]) -> None:
    for host, objects in built.items():
        with_sidecar = [
            (one["kind"], one["metadata"]["name"])
            for one in objects
            if any("attention-sidecar" in str(pod) for pod in pods(one))
        ]
        assert sorted(with_sidecar) == sorted(ATTACHED[host])


@pytest.mark.parametrize("kubernetes", MINORS)
def test_pods_are_valid(built: dict[str, list[Tree]], kubernetes: str) -> None:
    for found in built.values():
        for one in found:
            if one["kind"] in BUILT_IN:
                validate(one, kubernetes)
            for pod in pods(one):
                validate_pod(pod, kubernetes)


def test_the_sidecar_is_native_and_comes_after_the_hosts_own(built: dict[str, list[Tree]]) -> None:
    for one in workloads(built):
        for pod in pods(one):
            *_, plugin, sidecar = pod["initContainers"]
            assert (plugin["name"], sidecar["name"]) == ("attention-plugin", "attention-sidecar")
            assert sidecar["restartPolicy"] == "Always"
            assert "restartPolicy" not in plugin
    (llm_d,) = pods(named(built["llm-d"], "Deployment", "-decode"))
    assert llm_d["initContainers"][0]["name"] == "routing-proxy"


def test_the_sidecar_keeps_every_promise(built: dict[str, list[Tree]]) -> None:
    for one in workloads(built):
        for pod in pods(one):
            ours = [found for found in pod["initContainers"] if found["name"] in policy.OURS]
            assert len(ours) == 2
            assert [list(policy.broken(found)) for found in ours] == [[], []]


def test_the_pod_keeps_its_owner_of_volumes(built: dict[str, list[Tree]]) -> None:
    """A group for all volumes would make the kubelet change the owner of a whole model."""
    for one in workloads(built):
        for pod in pods(one):
            assert "fsGroup" not in pod.get("securityContext", {})


def test_engine_and_sidecar_share_what_they_must(built: dict[str, list[Tree]]) -> None:
    for one in workloads(built):
        for pod in pods(one):
            plugin, sidecar = pod["initContainers"][-2:]
            engine = pod["containers"][0]
            assert mounts(engine)["/run/attention-sidecar"] == ("attention-sockets", True)
            assert mounts(sidecar)["/run/attention-sidecar"] == ("attention-sockets", False)
            assert mounts(engine)["/opt/attention-sidecar"] == ("attention-plugin", True)
            assert mounts(plugin)["/opt/attention-sidecar"] == ("attention-plugin", False)
            assert plugin["args"] == ["/opt/attention-sidecar"]
            volumes = {volume["name"] for volume in pod["volumes"]}
            used = {name for found in containers(pod) for name, _ in mounts(found).values()}
            assert {name for name in used if name.startswith("attention-")} <= volumes


def mounts(container: Tree) -> dict[str, tuple[str, bool]]:
    return {
        one["mountPath"]: (one["name"], one.get("readOnly", False))
        for one in container.get("volumeMounts", [])
    }


def variables(container: Tree) -> dict[str, str]:
    return {one["name"]: one.get("value", "") for one in container["env"]}


def test_engine_and_sidecar_have_the_same_addresses(
    built: dict[str, list[Tree]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in workloads(built):
        for pod in pods(one):
            sidecar, engine = variables(pod["initContainers"][-1]), variables(pod["containers"][0])
            assert engine["PYTHONPATH"] == "/opt/attention-sidecar"
            found = [wire(one, monkeypatch) for one in (sidecar, engine)]
            assert found[0].shared
            assert found[0].samples == found[1].samples == "ipc:///run/attention-sidecar/samples"
            assert found[0].control == found[1].control == "ipc:///run/attention-sidecar/control"


def wire(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> config.Wire:
    """What the package makes of a container's variables."""
    with monkeypatch.context() as patched:
        for name, value in variables.items():
            if name.startswith("ATTENTION_") and name != "ATTENTION_CONFIG":
                patched.setenv(name, value)
        return config.load().wire


def test_what_the_engine_had_is_still_there(built: dict[str, list[Tree]]) -> None:
    (pod,) = pods(named(built["production-stack"], "Deployment", "-vllm"))
    assert variables(pod["containers"][0])["PYTHONHASHSEED"] == "123"
    assert pod["containers"][0]["command"][:3] == ["vllm", "serve", "facebook/opt-125m"]
    (pod,) = pods(named(built["llm-d"], "Deployment", "-decode"))
    assert mounts(pod["containers"][0])["/model-cache"] == ("model-storage", False)
    (pod,) = pods(named(built["kserve"], "InferenceService"))
    assert pod["containers"][0]["args"][0] == "--max-model-len=2048"


@pytest.mark.parametrize(
    ("host", "form"),
    [
        ("vllm-chart", "command"),
        ("production-stack", "command"),
        ("llm-d", "args"),
        ("kserve", "args"),
    ],
)
def test_the_middleware_is_the_last_word(
    built: dict[str, list[Tree]], host: str, form: str
) -> None:
    for kind, name in ATTACHED[host]:
        for pod in pods(named(built[host], kind, name)):
            engine = pod["containers"][0]
            words = [*engine.get("command", []), *engine.get("args", [])]
            assert words.count(MIDDLEWARE) == 1
            assert engine[form][-1] == MIDDLEWARE


def test_settings_of_the_component_load(built: dict[str, list[Tree]], tmp_path: Any) -> None:
    for objects in built.values():
        data = named(objects, "ConfigMap", "attention-sidecar")["data"]
        for name, text in data.items():
            (tmp_path / name).write_text(text)
        assert config.load(file=tmp_path / "attention.toml").http.host == "0.0.0.0"
        assert config.load(file=tmp_path / "engine.toml").engine == config.Engine()
