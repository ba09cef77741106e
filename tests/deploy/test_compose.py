"""The stack as Docker Compose reads it, without Docker."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sidecar.demo.layout import revision
from tests.conftest import Requires
from tests.deploy import composed, dockerfile
from tests.waiting import eventually
from tools import compose as generated

ROOT = Path(__file__).parent.parent.parent
PROFILES = {"cpu": "vllm-cpu", "gpu": "vllm-gpu"}
OURS = {"vllm-cpu", "vllm-gpu", "daemon", "addresses"}


@pytest.fixture(scope="module")
def compose(requires: Requires) -> Path:
    return requires("docker-compose")


@pytest.fixture(scope="module", params=PROFILES)
def services(compose: Path, request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    return composed.services(compose, request.param)


def test_a_profile_has_one_engine(services: dict[str, Any]) -> None:
    engines = [service for name, service in services.items() if name in PROFILES.values()]
    assert len(engines) == 1
    assert engines[0]["networks"]["default"]["aliases"] == ["vllm"]
    assert "--middleware=sidecar.tap.middleware.AttentionMiddleware" in engines[0]["command"]


def test_nothing_is_open_to_other_machines(services: dict[str, Any]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert {port["host_ip"] for port in published} == {"127.0.0.1"}


def test_every_mounted_file_is_there_and_read_only(services: dict[str, Any]) -> None:
    """Docker makes an empty folder in the place of one that is not."""
    bound = [
        mount
        for service in services.values()
        for mount in composed.mounts(service)
        if mount["type"] == "bind"
    ]
    assert len(bound) > 10
    assert [mount for mount in bound if not Path(mount["source"]).exists()] == []
    assert [mount for mount in bound if not mount.get("read_only")] == []


def test_images_are_pinned_by_version_and_digest(services: dict[str, Any]) -> None:
    for name, service in services.items():
        image = service["image"]
        if name in OURS:
            assert re.fullmatch(r"attention-sidecar(-vllm)?:0\.1\.0(-cpu)?", image)
        else:
            assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+@sha256:[0-9a-f]{64}", image)


def test_what_waits_for_a_service_waits_until_it_is_healthy(services: dict[str, Any]) -> None:
    """Save the collector, whose image has no program to ask it with, and what ends by itself."""
    for service in services.values():
        for name, wait in service.get("depends_on", {}).items():
            if name in services and wait["condition"] == "service_started":
                assert "healthcheck" not in services[name]
            elif name in services and wait["condition"] == "service_healthy":
                assert services[name]["healthcheck"]["test"][0] == "CMD"
            elif name in services:
                assert services[name]["restart"] == "no"


def test_the_addresses_come_last(services: dict[str, Any]) -> None:
    """After all that runs on, at least by way of what waits for it."""
    after, waiting = set[str](), ["addresses"]
    while waiting:
        for name in services[waiting.pop()].get("depends_on", {}):
            if name in services and name not in after:
                after.add(name)
                waiting.append(name)
    assert after == set(services) - {"addresses"}


def test_the_addresses_are_those_that_are_published(services: dict[str, Any]) -> None:
    told = (composed.FOLDER / "addresses.txt").read_text()
    published = [
        f"127.0.0.1:{port['published']}"
        for service in services.values()
        for port in service.get("ports", [])
    ]
    assert sorted(re.findall(r"127\.0\.0\.1:\d+", told)) == sorted(published)


def test_serving_depends_on_nothing_but_the_daemon(services: dict[str, Any]) -> None:
    engine = next(name for name in services if name in PROFILES.values())
    assert set(services[engine]["depends_on"]) == {"daemon"}
    assert not services["daemon"].get("depends_on")


def test_our_processes_have_no_rights_and_a_read_only_tree(services: dict[str, Any]) -> None:
    for name in ("daemon", "addresses"):
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]
    assert [
        name
        for name, service in services.items()
        if service.get("security_opt") != ["no-new-privileges:true"]
    ] == []


def test_volumes_are_mounted_where_the_images_have_them(services: dict[str, Any]) -> None:
    """A new volume takes owner and mode from the image's own folder of that place."""
    places = {mount["source"]: mount["target"] for mount in composed.mounts(services["daemon"])}
    image = dockerfile.read(ROOT / "deploy/images/daemon.Dockerfile")
    made = " ".join(image.steps)
    assert f" {places['sockets']} " in made
    assert made.endswith(f" {places['state']}")
    assert image.folder == places["state"]


def test_the_bundled_model_has_its_own_revision(compose: Path) -> None:
    command = composed.services(compose, "cpu")["vllm-cpu"]["command"]
    assert f"--revision={revision('grounded')}" in command


@pytest.mark.parametrize("name", composed.SECRETS)
def test_a_secret_that_is_not_set_is_named(compose: Path, name: str) -> None:
    others = {other: value for other, value in composed.SECRETS.items() if other != name}
    done = composed.config(compose, "cpu", **others)
    assert done.returncode != 0
    assert f"{name} is missing a value: is not set; deploy/compose/new-env.sh" in done.stderr


def test_secrets_are_made_once_and_for_nobody_else(compose: Path, tmp_path: Path) -> None:
    for name in ("new-env.sh", ".env.example", "compose.yaml"):
        shutil.copy(composed.FOLDER / name, tmp_path)
    make = [tmp_path / "new-env.sh"]
    subprocess.run(make, check=True, capture_output=True)
    made = dict(
        line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines() if "=" in line
    )
    secrets = {made[name] for name in composed.SECRETS}
    assert len(secrets) == len(composed.SECRETS)
    assert min(map(len, secrets)) >= 48
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    subprocess.run([compose, "config", "--quiet"], cwd=tmp_path, check=True)
    again = subprocess.run(make, check=False, capture_output=True, text=True)
    assert "is there already" in again.stderr


def test_what_the_project_decides_is_fresh() -> None:
    assert [file for file, text in generated.files() if file.read_text() != text] == []


def test_the_upload_goes_on_when_something_fails(tmp_path: Path) -> None:
    """It waits for the archive, and for a bucket that takes something."""
    rclone, calls = tmp_path / "rclone", tmp_path / "calls"
    rclone.write_text(f'#!/bin/sh\necho "$@" >>{calls}\n[ "$(wc -l <{calls})" -gt 1 ]\n')
    rclone.chmod(0o755)
    archive = tmp_path / "archive"
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "ARCHIVE": str(archive),
        "BUCKET": "attention",
        "PAUSE": "0.05",
    }
    script = composed.FOLDER / "objects/upload.sh"
    with subprocess.Popen([script], env=environment, stderr=subprocess.PIPE, text=True) as upload:
        archive.mkdir()
        eventually(lambda: calls.exists() and len(calls.read_text().splitlines()) >= 3)
        upload.terminate()
        assert upload.stderr
        assert upload.stderr.read().count("it is tried again") == 1
    assert f"--include /date=*/** {archive} objects:attention" in calls.read_text()
