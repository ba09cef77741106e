"""The means of the latest requests that the page shows."""

import numpy as np
import pytest

from sidecar.daemon.sinks.drift.recent import MEMORY, Recent
from sidecar.drift import Requests
from tests.drift.kit import RAG, baseline, some


def recent(made: Requests, *, step: int) -> Recent:
    found = Recent(baseline().streams()[RAG])
    for first in range(0, len(made), step):
        found.add(made.take(slice(first, first + step)))
    return found


@pytest.mark.parametrize("size", [1, MEMORY // 2, 5 * MEMORY])
def test_it_does_not_matter_how_requests_are_handed_over(size: int) -> None:
    made = some(size, 7)
    made.signals[1::3] = np.nan
    one, all_at_once = recent(made, step=1), recent(made, step=size)
    assert all_at_once.expected == pytest.approx(one.expected)
    assert all_at_once.residual == pytest.approx(one.residual)


def test_the_first_are_a_plain_mean_and_later_ones_fade() -> None:
    made = some(MEMORY, 8)
    first = recent(made, step=MEMORY)
    assert first.expected + first.residual == pytest.approx([made.signal("grounding_score").mean()])
    risen = some(3 * MEMORY, 9)
    risen.signals[:, 0] += 1.0
    first.add(risen)
    assert first.residual == pytest.approx([1 - np.exp(-3)], abs=0.03)


def test_what_was_never_measured_is_unknown() -> None:
    made = some(10, 10)
    made.signals[:] = np.nan
    found = recent(made, step=10)
    assert np.isnan(found.residual).all()
    assert np.isfinite(found.expected).all()
