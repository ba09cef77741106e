"""A baseline of several streams: what is told while it is made."""

import numpy as np
import pytest

from sidecar.drift import Stream
from sidecar.drift.baseline.build import NothingFits, build
from sidecar.drift.requests import WATCHED
from tests.drift.kit import MARGIN, RAG, SIZE, some


def test_a_stream_that_will_not_be_watched_is_told() -> None:
    silent, told = some(SIZE, 1), list[str]()
    place = WATCHED.index("entropy_ratio")
    silent.signals[:, place] = silent.signal("grounding_score")
    silent.signals[:, WATCHED.index("grounding_score")] = np.nan
    streams = {RAG: some(SIZE, 1), Stream("m", "hr"): silent}
    found = build(streams, where="true", margin=MARGIN, tell=told.append)
    assert [(one.route, one.signal) for one in found.signals] == [
        ("rag", "grounding_score"),
        ("hr", "entropy_ratio"),
    ]
    [line] = [line for line in told if "watched" in line]
    assert line == (
        "m, route hr: none of grounding_score, context_share, copy_rate, lookback_ratio is fitted; "
        "it will not be watched"
    )


def test_nothing_that_fits_is_an_error() -> None:
    with pytest.raises(NothingFits, match="no signal has enough requests where route = 'x'"):
        build({RAG: some(100, 1)}, where="route = 'x'", margin=MARGIN, tell=lambda _: None)
