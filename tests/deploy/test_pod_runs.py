"""The sidecar as the component has it, its volumes as Kubernetes makes them, on this machine."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Requires, skip
from tests.deploy.manifests import named, overlay, pods
from tests.waiting import eventually

Tree = dict[str, Any]

AS_USER = Path(__file__).with_name("as_user.py")


@pytest.fixture
def container(requires: Requires) -> Tree:
    if os.getuid() != 0:
        skip("becoming another user needs root")
    requires("kustomize")
    (pod,) = pods(named(overlay("vllm-chart"), "Deployment"))
    found: Tree = pod["initContainers"][-1]
    return found


@pytest.fixture
def volumes(container: Tree, tmp_path: Path) -> dict[str, Path]:
    """A folder for each mount, open to all as an emptyDir is."""
    for parent in tmp_path.parents:
        if parent.name.startswith("pytest-"):
            parent.chmod(0o755)
    tmp_path.chmod(0o755)
    places = {mount["mountPath"]: tmp_path / mount["name"] for mount in container["volumeMounts"]}
    for place in places.values():
        place.mkdir()
        place.chmod(0o777)
    data = named(overlay("vllm-chart"), "ConfigMap")["data"]
    for name, text in data.items():
        (places["/etc/attention-sidecar"] / name).write_text(moved(text, places))
    return places


def moved(text: str, places: dict[str, Path]) -> str:
    """With the mounts' folders in place of their paths, longest first."""
    for path in sorted(places, key=len, reverse=True):
        text = text.replace(path, str(places[path])) if path != "/tmp" else text
    return str(places["/tmp"]) if text == "/tmp" else text


@pytest.fixture
def daemon(container: Tree, volumes: dict[str, Path], free_port: int) -> Iterator[str]:
    """Its address while it runs."""
    variables = {one["name"]: moved(one["value"], volumes) for one in container["env"]}
    variables |= {"ATTENTION_HTTP__PORT": str(free_port), "PATH": os.environ["PATH"]}
    user = str(container["securityContext"]["runAsUser"])
    command = (sys.executable, AS_USER, user, *container["args"])
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, env=variables | {"PYTHONPATH": str(root)}) as child:
        yield f"http://127.0.0.1:{free_port}"
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0


@pytest.mark.slow
def test_it_starts_and_answers_its_probe(
    container: Tree, volumes: dict[str, Path], daemon: str
) -> None:
    probe = container["livenessProbe"]["httpGet"]["path"]

    def answer() -> bool:
        try:
            return httpx.get(f"{daemon}{probe}").status_code == 200
        except httpx.TransportError:
            return False

    eventually(answer, seconds=60)
    user = container["securityContext"]["runAsUser"]
    for socket in ("samples", "control"):
        state = (volumes["/run/attention-sidecar"] / socket).stat()
        assert (state.st_uid, state.st_mode & 0o777) == (user, 0o666)
    token = volumes["/tmp"] / f"attention-sidecar-{user}/token"
    assert token.stat().st_mode & 0o777 == 0o600
    sampling = httpx.patch(
        f"{daemon}/v1/sampling",
        json={"rate": 0.5},
        headers={"authorization": f"Bearer {token.read_text()}"},
    )
    assert sampling.json()["rate"] == 0.5
