"""A real broker for the tests of this folder; topics keep them apart."""

import gc
import os
import shutil
import subprocess
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conftest import skip
from tests.kafka.broker import Broker, lacking, running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """kafka-python leaves sockets to the garbage collector when it is refused."""
    for item in items:
        if "tests/kafka/" in str(item.path):
            item.add_marker(
                pytest.mark.filterwarnings("ignore:unclosed <s(ocket|sl):ResourceWarning")
            )


def pytest_sessionfinish() -> None:
    """What was still referred to after its test is collected before pytest looks for it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "unclosed <s(ocket|sl)", ResourceWarning)
        gc.collect()


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Those sockets are closed while that is allowed; threads that still connect have some too."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("kafka-"):
            thread.join(30)
    gc.collect()


@pytest.fixture(scope="session")
def one_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One for all tests: to start it takes seconds of the processor."""
    if lack := lacking():
        skip(lack)
    with running(tmp_path_factory.mktemp("broker")) as started:
        yield started


@pytest.fixture
def broker(one_broker: Broker) -> Iterator[Broker]:
    """May be killed and paused."""
    yield one_broker
    one_broker.restore()


@pytest.fixture
def new_topic(broker: Broker) -> Callable[..., str]:
    """Makes a topic that no other test uses."""

    def make(partitions: int = 4, **configs: str) -> str:
        name = f"t-{uuid4().hex}"
        broker.create(name, partitions, **configs)
        return name

    return make


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte; skips where none may be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system")
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no file system can be mounted: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
