"""The upload beside compaction: real rclone, real object storage, the stack's own script."""

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from sidecar.demo.processes import Child
from tests.archive.many_files import found_by_others, parquet, write
from tests.archive.samples import ids
from tests.conftest import Requires
from tests.deploy import composed
from tests.waiting import eventually

pytestmark = pytest.mark.slow

SCRIPT = composed.FOLDER / "objects/upload.sh"


@pytest.fixture(scope="module")
def services(requires: Requires) -> dict[str, dict[str, Any]]:
    requires("rclone")
    return composed.services(requires("docker-compose"), "cpu")


@pytest.fixture
def bucket(
    services: dict[str, Any], tmp_path: Path, free_port: int, requires: Requires
) -> Iterator[Path]:
    """Where the storage keeps the bucket's objects, as plain files."""
    objects = tmp_path / "objects"
    objects.mkdir()
    address = f"127.0.0.1:{free_port}"
    command = [str(requires("versitygw")), "--port", address, "--health", "/health", "posix"]
    given, log = services["objects"]["environment"], tmp_path / "objects.log"
    with Child("objects", [*command, str(objects)], env=given, log=log) as storage:
        healthy = partial(answers, f"http://{address}/health")
        storage.wait_until(healthy, seconds=30, what="its health")
        yield objects / "attention"


def answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def environment(
    services: dict[str, Any], tmp_path: Path, free_port: int, bucket: Path, requires: Requires
) -> dict[str, str]:
    """The service's, with a rclone that tells when it has done something."""
    tool = tmp_path / "bin/rclone"
    tool.parent.mkdir()
    told = f'code=$?; echo "$1" >>{tmp_path}/done; exit $code'
    tool.write_text(f'#!/bin/sh\n{requires("rclone")} "$@"; {told}\n')
    tool.chmod(0o755)
    return {
        **services["upload"]["environment"],
        "ARCHIVE": str(tmp_path / "archive"),
        "RCLONE_CONFIG_OBJECTS_ENDPOINT": f"http://127.0.0.1:{free_port}",
        "PAUSE": "0.2",
        "HOME": str(tmp_path),
        "PATH": f"{tool.parent}:{os.environ['PATH']}",
    }


@contextmanager
def uploading(environment: dict[str, str], folder: Path) -> Iterator[Callable[[], None]]:
    """Its process; gives what waits until all that is there by now has been looked at."""
    pairs = [f"{name}={value}" for name, value in environment.items()]
    command = ["env", "-i", *pairs, "sh", str(SCRIPT)]

    def copies() -> int:
        done = folder / "done"
        return done.read_text().split().count("copy") if done.exists() else 0

    def settle() -> None:
        wanted = copies() + 3
        eventually(lambda: copies() >= wanted)

    with Child("upload", command, env={}, log=folder / "upload.log"):
        yield settle


def names(folder: Path) -> set[str]:
    return {file.name for file in parquet(folder)}


def compact(folder: Path) -> None:
    command = ["attention-sidecar", "archive", "compact", "--archive", str(folder)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An archive with three files of one hour."""
    for number in range(3):
        write(tmp_path / "archive", ids(5, f"{number}"), seed=number)
    return tmp_path / "archive"


def test_the_bucket_has_each_row_once_after_compactions(
    environment: dict[str, str], bucket: Path, folder: Path, tmp_path: Path
) -> None:
    with uploading(environment, tmp_path) as settle:
        settle()
        assert len(names(bucket)) == 3
        compact(folder)
        settle()
        assert len(names(bucket)) == 1
        write(folder, ids(5, "late"), seed=5)
        settle()
        assert len(names(bucket)) == 2
        compact(folder)
        settle()
    assert names(bucket) == names(folder)
    assert Counter(found_by_others(bucket).values()) == {1: 20}
    assert (tmp_path / "upload.log").read_text() == ""


def test_what_was_exchanged_while_it_was_away_is_removed(
    environment: dict[str, str], bucket: Path, folder: Path, tmp_path: Path
) -> None:
    with uploading(environment, tmp_path) as settle:
        settle()
    compact(folder)
    with uploading(environment, tmp_path) as settle:
        settle()
    assert len(names(bucket)) == 1
    assert Counter(found_by_others(bucket).values()) == {1: 15}


def test_what_somebody_cleaned_up_stays_in_the_bucket(
    environment: dict[str, str], bucket: Path, folder: Path, tmp_path: Path
) -> None:
    with uploading(environment, tmp_path) as settle:
        settle()
        cleaned_up = parquet(folder)[0]
        cleaned_up.unlink()
        compact(folder)
        settle()
    assert names(bucket) == names(folder) | {cleaned_up.name}
    assert Counter(found_by_others(bucket).values()) == {1: 15}
