"""Archives that several files of tests begin with."""

from pathlib import Path

import pytest

from tests.archive.many_files import PAST, write
from tests.archive.samples import HOUR, ids


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Two hours of five files each."""
    for number in range(5):
        write(tmp_path, ids(30, f"eight-{number}"), seed=number)
        write(tmp_path, ids(10, f"nine-{number}"), seed=number, time=PAST + HOUR)
    return tmp_path
