"""Evidence of all requests at once is as one at a time, and stops where it reaches a threshold."""

import doctest
import json

import numpy as np
import pytest

from sidecar.drift import views
from sidecar.drift.evidence import Evidence
from tests.drift.kit import baseline

SIGNALS = [baseline().signals[0]] * 2


def stream(size: int, fall: float = 0.0, *, holes: bool = True) -> np.ndarray:
    rng = np.random.default_rng(5)
    made = rng.normal(-fall, 1, (size, 2))
    if holes:
        made[rng.random((size, 2)) < 0.3] = np.nan
    return made


def test_the_example_holds() -> None:
    assert doctest.testmod(views).failed == 0


@pytest.mark.parametrize("cut", [1, 500, 2000])
def test_batches_and_a_restart_make_no_difference(cut: int) -> None:
    whole, before, after = Evidence(SIGNALS), Evidence(SIGNALS), Evidence(SIGNALS)
    every = stream(2000)
    levels = whole.add(every)
    first = before.add(every[:cut])
    after.restore(json.loads(json.dumps(before.state())))
    assert [*first, *after.add(every[cut:])] == pytest.approx(levels)
    assert after.statistic == pytest.approx(whole.statistic)


def test_what_is_not_measured_adds_nothing() -> None:
    whole, holed = Evidence(SIGNALS), Evidence(SIGNALS)
    every = stream(300, holes=False)
    whole.add(every)
    holed.add(np.insert(every, [0, 7, 300, 300], np.nan, axis=0))
    assert holed.statistic == pytest.approx(whole.statistic)


def test_it_takes_no_more_than_it_needs() -> None:
    whole, stopped = Evidence(SIGNALS), Evidence(SIGNALS)
    every = stream(2000, fall=1.0)
    levels = whole.add(every)
    reached = int(np.flatnonzero(levels >= 1000)[0]) + 1
    assert len(stopped.add(every, 1000)) == reached
    assert stopped.statistic == pytest.approx(levels[reached - 1])
    drop, rise = stopped.by_side()
    assert (drop > rise).all()
