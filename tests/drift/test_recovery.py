"""An alert is over soon after its change, and not before."""

import numpy as np
import pytest

from sidecar.drift.recovery import FEWEST, Recovery

LEAST = 0.1


def requests(seed: int, size: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, size)


def raised(shift: float, of: int, likeness: float = 1.0) -> Recovery:
    recovery = Recovery(likeness, LEAST)
    recovery.begin(shift, of)
    return recovery


@pytest.mark.parametrize("shift", [-100.0, -15.0, -2.0, 0.7])
def test_a_change_that_ends_is_over_soon(shift: float) -> None:
    taken = [raised(shift, 100).add(requests(seed, 5000)) for seed in range(60)]
    assert None not in taken
    assert min(filter(None, taken)) >= FEWEST
    assert np.median(np.asarray(taken, dtype=float)) < 800


@pytest.mark.parametrize(
    ("told", "of", "true"),
    [
        *((-2.0, 100, -2.0), (-1.4, 7, -0.3), (0.4, 80, 0.28)),
        *((size, 9, size) for size in (-6.0, 12.0, -15.0, 100.0)),
    ],
)
def test_a_change_that_lasts_is_not_over(told: float, of: int, true: float) -> None:
    early = sum(raised(told, of).add(requests(seed, 5000, true)) is not None for seed in range(60))
    assert early <= 3


def test_what_lasts_makes_the_shift_known() -> None:
    recovery = raised(-1.4, 7)
    assert recovery.shift == LEAST
    assert recovery.add(requests(1, 5000, -1.0)) is None
    assert 0.9 < recovery.shift < 1.0


def test_alike_requests_say_less() -> None:
    alone, alike = (raised(-2.0, 1000, likeness).add(requests(2, 5000)) for likeness in (1.0, 50.0))
    assert alone
    assert alike
    assert alike > alone


def test_nan_says_nothing() -> None:
    recovery = raised(-2.0, 100)
    before = recovery.state()
    assert recovery.add(np.full(1000, np.nan)) is None
    assert recovery.state() == before


def test_the_other_way_is_seen() -> None:
    recovery = raised(-2.0, 100)
    assert recovery.add(requests(3, 200, 2.0))
    assert recovery.is_beyond


@pytest.mark.parametrize("cut", [1, 50, 79])
def test_batches_and_a_restart_make_no_difference(cut: int) -> None:
    whole, before, after = (raised(-2.0, 100) for _ in range(3))
    values = np.concatenate([requests(4, 60, -2.0), requests(5, 300)])
    taken = whole.add(values)
    assert before.add(values[:cut]) is None
    after.restore(before.state())
    assert taken == cut + (after.add(values[cut:]) or 0)
