"""The daemon's image without Docker: its Dockerfile's own steps in a clean root."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import zmq

from sidecar.demo.processes import Child, answers, free_port
from tests.conftest import skip
from tests.daemon import synthetic
from tests.deploy import dockerfile
from tests.deploy.clean_root import CleanRoot, lacking
from tests.waiting import eventually

ROOT = Path(__file__).parent.parent.parent
IMAGES = ROOT / "deploy/images"
FILES = sorted(IMAGES.glob("*.Dockerfile"))
WRITABLE = ("/run/attention-sidecar", "/var/lib/attention-sidecar")
SIDECAR = "/opt/attention-sidecar/bin/attention-sidecar"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_bases_are_pinned(file: Path) -> None:
    """By version, and by digest save for vLLM's, which is the user's to choose."""
    for base in dockerfile.bases(file):
        name, _, digest = base.partition("@")
        assert re.search(r":v?\d+\.\d+\.\d+(-\w+)*$", name)
        assert name.startswith("vllm/") or re.fullmatch(r"sha256:[0-9a-f]{64}", digest)


@pytest.mark.parametrize("name", ["daemon", "plugin"])
def test_an_image_of_ours_runs_without_rights(name: str) -> None:
    assert dockerfile.read(IMAGES / f"{name}.Dockerfile").user == "65532:65532"


def test_the_build_is_given_what_it_needs_and_no_more() -> None:
    """A path that is let in but does not exist, or a wheel's part that is not let in."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert ignored[1] == "*"
    assert [path for path in let_in if not (ROOT / path).exists()] == []
    assert let_in >= {"sidecar", "dashboards/generated", "pyproject.toml", "README.md", "LICENSE"}


@pytest.fixture(scope="module")
def image() -> dockerfile.Image:
    return dockerfile.read(IMAGES / "daemon.Dockerfile")


@pytest.fixture(scope="module")
def built(image: dockerfile.Image, tmp_path_factory: pytest.TempPathFactory) -> CleanRoot:
    """The file system of the daemon's image, made by one whose files are nobody else's."""
    if lack := lacking():
        skip(lack)
    root = CleanRoot(tmp_path_factory.mktemp("image") / "root", ROOT)
    for step in image.steps:
        root.build(f"umask 077; {step}")
    return root


@pytest.fixture
def url(built: CleanRoot, image: dockerfile.Image, tmp_path: Path) -> Iterator[str]:
    """Address of the daemon as the image starts it, watching for drift besides."""
    port = free_port()
    baseline = "/source/sidecar/demo/models/grounded/baseline.json"
    settings = {"ATTENTION_HTTP__PORT": str(port), "ATTENTION_DRIFT__BASELINE": baseline}
    command = built.command(
        [*image.entry, *image.command],
        image.environment | settings,
        user=image.user,
        folder=image.folder,
        writable=WRITABLE,
    )
    found = f"http://127.0.0.1:{port}"
    with Child("the daemon", command, env={}, log=tmp_path / "daemon.log") as child:
        child.wait_until(lambda: answers(f"{found}/health/live"), seconds=120, what="the start")
        yield found


@pytest.mark.slow
def test_the_daemon_is_healthy_without_rights_on_a_read_only_tree(
    url: str, built: CleanRoot
) -> None:
    assert answers(f"{url}/health/ready")
    status = status_of(url)
    assert {sink["state"] for sink in status["sinks"]} == {"running"}
    assert {sink["name"] for sink in status["sinks"]} >= {"archive", "drift"}
    sockets = built.folder / "run/attention-sidecar"
    assert {(sockets / name).stat().st_uid for name in ("samples", "control")} == {65532}


@pytest.mark.slow
def test_an_engine_that_runs_as_root_reaches_the_daemon(url: str, built: CleanRoot) -> None:
    """As in vLLM's own images, with the sockets' folder shared."""
    address = f"ipc://{built.folder}/run/attention-sidecar/samples"
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.connect(address)
        socket.send_multipart(synthetic.Tap().status())
        (tap,) = eventually(lambda: status_of(url)["taps"])
    assert tap["model_name"] == "demo"


@pytest.mark.slow
def test_the_tree_is_read_only_and_holds_no_engine(
    built: CleanRoot, image: dockerfile.Image
) -> None:
    for step, answer in (
        (["touch", "/opt/attention-sidecar/x"], "Read-only file system"),
        (["touch", "/tmp/x"], "Read-only file system"),
        (["/opt/attention-sidecar/bin/python", "-c", "import torch"], "No module named 'torch'"),
        (["touch", "/source/x"], "Read-only file system"),
    ):
        assert answer in run(built, image, step).stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", ["archive from-kafka", "drift from-kafka", "kafka topics"])
def test_the_image_runs_the_other_parts_of_a_fleet(
    built: CleanRoot, image: dockerfile.Image, command: str
) -> None:
    """They start, and say that they lack a broker: so their libraries are there."""
    done = run(built, image, [SIDECAR, *command.split()])
    told = done.stdout + done.stderr
    assert "kafka.bootstrap_servers: should name a broker" in told or "kafka-topics.sh" in told


@pytest.mark.slow
def test_all_that_the_daemon_can_be_told_to_use_is_there(
    built: CleanRoot, image: dockerfile.Image
) -> None:
    modules = "kafka, confluent_kafka, fastavro, crc32c, zstandard, opentelemetry.sdk.trace"
    exporters = "opentelemetry.exporter.otlp.proto.grpc, opentelemetry.exporter.otlp.proto.http"
    program = f"import {modules}, {exporters}"
    done = run(built, image, ["/opt/attention-sidecar/bin/python", "-c", program])
    assert done.returncode == 0, done.stderr


def status_of(url: str) -> dict[str, Any]:
    with urlopen(f"{url}/v1/status", timeout=10) as answer:
        return dict(json.load(answer))


def run(
    built: CleanRoot, image: dockerfile.Image, command: list[str]
) -> "subprocess.CompletedProcess[str]":
    arguments = built.command(
        command, image.environment, user=image.user, folder=image.folder, writable=WRITABLE
    )
    return subprocess.run(arguments, check=False, capture_output=True, text=True)
