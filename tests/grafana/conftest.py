"""A stub of Grafana, and a client of it that does not wait."""

from collections.abc import Iterator

import pytest

from sidecar.grafana.client import Grafana
from tests.grafana.stub import TOKEN, Stub, running


@pytest.fixture
def stub() -> Iterator[Stub]:
    with running() as started:
        yield started


@pytest.fixture
def grafana(stub: Stub) -> Iterator[Grafana]:
    found = Grafana(stub.url, TOKEN, timeout=5, wait=lambda _: None)
    yield found
    found.close()
