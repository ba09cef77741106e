"""One broker for the tests of this folder; a test that breaks it has one of its own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.kafka.broker import Broker, lacking, running


@pytest.fixture(scope="session")
def can_run_a_broker() -> None:
    """Skips where no broker can run, and fails there when CI=true."""
    if lacking() and os.environ.get("CI") == "true":
        pytest.fail(lacking())
    if lacking():
        pytest.skip(lacking())


@pytest.fixture(scope="session")
def broker(can_run_a_broker: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Shared, and never stopped."""
    with running(tmp_path_factory.mktemp("broker")) as started:
        yield started


@pytest.fixture
def own_broker(can_run_a_broker: None, tmp_path: Path) -> Iterator[Broker]:
    """To be killed and paused."""
    with running(tmp_path / "broker") as started:
        yield started


@pytest.fixture
def new_topic(broker: Broker) -> Callable[..., str]:
    """Makes a topic that no other test uses, on the shared broker."""

    def make(partitions: int = 4, **configs: str) -> str:
        name = f"t-{uuid4().hex}"
        broker.create(name, partitions, **configs)
        return name

    return make
