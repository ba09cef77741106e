"""The plugin's folder on the PYTHONPATH of a real vLLM that has nothing else of ours."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.demo.bundled import MODELS
from tests.deploy import engine_environment
from tests.deploy.test_images_tap import IMAGES, copied
from tests.engine import server
from tests.engine.test_daemon import TOKENS, ask, sampled, tap
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.engine]


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """What the engine's container finds where the init container has copied to."""
    plugin, volume = tmp_path / "plugin", tmp_path / "volume"
    version = "{}.{}".format(*sys.version_info)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    steps = [str(IMAGES / "install-plugin.sh"), str(plugin), version]
    subprocess.run(steps, env=os.environ | {"PATH": path}, check=True)
    assert copied(volume, plugin).returncode == 0
    return volume


def test_a_real_vllm_samples_with_the_plugins_folder_alone(shared: Path, tmp_path: Path) -> None:
    python = str(engine_environment.make(tmp_path / "vllm"))
    folder = {"PYTHONPATH": str(shared), "PYTHONSAFEPATH": "1"}
    check = [python, str(IMAGES / "check-plugin.py")]
    without = os.environ | {"PYTHONSAFEPATH": "1"}
    lacks = subprocess.run(check, env=without, check=False, capture_output=True, text=True)
    assert "no installed package offers" in lacks.stderr
    offers = subprocess.run(check, env=os.environ | folder, check=True, capture_output=True)
    assert f"by {shared}/sidecar/tap/plugin.py" in offers.stdout.decode()
    with (
        server.serve(MODELS / "grounded", tmp_path, python=python, **folder) as served,
        server.daemon(served, tmp_path) as running,
    ):
        before = sampled(running)["samples"]
        ask(served)
        eventually(lambda: tap(running)["samples"] == before + TOKENS)
        assert tap(running)["state"] == "active"
        eventually(lambda: "attention_context_share_count{" in running.metrics())
