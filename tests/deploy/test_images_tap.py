"""The tap on an image of vLLM, as a layer and as a folder, against the real vLLM that is here."""

import os
import re
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from tests.conftest import skip
from tests.deploy import dockerfile, engine_environment
from tests.deploy.clean_root import CleanRoot, lacking

ROOT = Path(__file__).parent.parent.parent
IMAGES = ROOT / "deploy/images"
VLLM = "/opt/vllm"


@pytest.fixture
def vllm_image(tmp_path: Path) -> CleanRoot:
    """An image with vLLM and pip; its packages lie read-only in the checkout's environment."""
    if lack := lacking():
        skip(lack)
    here = Path(str(metadata.distribution(engine_environment.ENGINE).locate_file("")))
    if not here.is_relative_to(ROOT):
        skip(f"vLLM is not in the checkout's own environment but in {here}")
    root = CleanRoot(tmp_path / "root", ROOT)
    root.build(f"python3 -m venv {VLLM}")
    folder = engine_environment.site_packages(root.folder / VLLM.strip("/"))
    engine_environment.link(folder, Path("/source") / here.relative_to(ROOT))
    return root


def in_image(root: CleanRoot, step: str) -> str:
    return root.build(f"export PATH={VLLM}/bin:$PATH; {step}")


@pytest.mark.slow
def test_the_layer_adds_the_tap_and_changes_nothing(vllm_image: CleanRoot) -> None:
    listing = "python3 -m pip list --format=freeze"
    before = set(in_image(vllm_image, listing).splitlines())
    told = [in_image(vllm_image, step) for step in layer().steps]
    after = set(in_image(vllm_image, listing).splitlines())
    assert before - after == set()
    assert {line.partition("==")[0] for line in after - before} == {"attention-sidecar", "pyarrow"}
    offered = "sidecar.tap.plugin:register is offered to vLLM by /opt/vllm/"
    assert offered in told[0]
    assert offered in in_image(vllm_image, layer().steps[0]), "it may be done again, as an upgrade"


@pytest.mark.slow
def test_the_layer_leaves_a_pyarrow_of_the_image_alone(vllm_image: CleanRoot) -> None:
    """And is refused where vLLM lacks something else, before anything is added."""
    in_image(vllm_image, "python3 -m pip install -q --no-deps pyarrow==20.0.0")
    folder = engine_environment.site_packages(vllm_image.folder / VLLM.strip("/"))
    for left_out in folder.glob("pyzmq*"):
        left_out.unlink()
    before = in_image(vllm_image, "python3 -m pip list --format=freeze")
    with pytest.raises(
        AssertionError, match=r"requirement pyzmq>=\d+(.|\n)*add it to the base image"
    ):
        in_image(vllm_image, layer().steps[0])
    assert in_image(vllm_image, "python3 -m pip list --format=freeze") == before
    assert "pyarrow==20.0.0" in before


def layer() -> dockerfile.Image:
    return dockerfile.read(IMAGES / "vllm.Dockerfile")


def test_both_images_name_the_same_sockets() -> None:
    daemon = dockerfile.read(IMAGES / "daemon.Dockerfile").environment
    engine = layer().environment
    assert {name: daemon[name] for name in engine} == engine
    assert set(engine) == {"ATTENTION_WIRE__SAMPLES", "ATTENTION_WIRE__CONTROL"}


def copied(to: Path, plugin: Path) -> "subprocess.CompletedProcess[str]":
    """What the init container does."""
    environment = {"PATH": os.environ["PATH"], "PLUGIN": str(plugin)}
    command = [IMAGES / "copy-plugin.sh", to]
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)


def test_the_plugin_is_copied_again_over_itself(tmp_path: Path) -> None:
    plugin, to = tmp_path / "plugin", tmp_path / "shared"
    (plugin / "sidecar").mkdir(parents=True)
    for text in ("first", "second"):
        (plugin / "sidecar/module.py").write_text(text)
        assert f"PYTHONPATH={to}" in copied(to, plugin).stdout
        assert (to / "sidecar/module.py").read_text() == text


def test_a_folder_that_takes_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = copied(tmp_path / "file/in", tmp_path)
    assert refused.returncode == 1
    assert re.search(r"user \d+ cannot write to .*/file/in; mount a volume", refused.stderr)
