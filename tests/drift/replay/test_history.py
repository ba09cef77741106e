"""A replay feeds the monitor as time went by, and loses no request."""

import numpy as np

from sidecar.drift import Stream
from sidecar.drift.replay.history import AT_ONCE, turns
from tests.drift.kit import some


def test_streams_take_turns_by_time() -> None:
    first, second = some(1000, 1), some(500, 2, start=300)
    history = {Stream("m", "a"): first, Stream("m", "b"): second}
    parts = list(turns(history))
    for stream, whole in history.items():
        times = np.concatenate([part.time for name, part in parts if name == stream])
        assert (times == whole.time).all()
    latest = 0
    for _, part in parts:
        assert part.time[-1] >= latest - (part.time[1] - part.time[0]) * AT_ONCE
        latest = max(latest, int(part.time[-1]))
        assert len(part) <= AT_ONCE + 1


def test_an_empty_history_has_no_turns() -> None:
    assert list(turns({})) == []
