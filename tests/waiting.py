"""Waiting for what happens in other threads and processes."""

import time
from collections.abc import Callable
from typing import Any


def eventually(true: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What ``true`` returns once that is true; fails after ``seconds`` on the monotonic clock."""
    limit = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < limit, "did not happen in time"
        time.sleep(0.02)
    return found
