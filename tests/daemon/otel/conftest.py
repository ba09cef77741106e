"""A collector built from source, for the tests that want one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Requires
from tests.daemon.otel.collector import Collector, running


@pytest.fixture
def collector(requires: Requires, tmp_path: Path) -> Iterator[Collector]:
    with running(requires("otelcol"), tmp_path) as started:
        yield started
