"""Evidence of many requests at once is what one at a time would give."""

import doctest

import numpy as np
import pytest

from sidecar.drift import growth
from sidecar.drift.detectors.edetector import CEILING
from sidecar.drift.growth import folded, grow, unfolded


def grown(evidence: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """``[n, bets]`` in order."""
    found = grow(evidence, folded(factors))
    return np.column_stack(
        [unfolded(found[..., bet], len(factors)) for bet in range(len(evidence))]
    )


def test_the_examples_hold() -> None:
    assert doctest.testmod(growth).failed == 0


@pytest.mark.parametrize("count", [1, 2, 3, 10, 63, 64, 65, 1000, 5000])
def test_growing_at_once_is_the_recursion(count: int) -> None:
    factors = np.random.default_rng(6).uniform(0.1, 2.0, (count, 4))
    held, every = np.ones(4), []
    for factor in factors:
        held = np.minimum((held + 1) * factor, CEILING)
        every.append(held)
    assert grown(np.ones(4), factors) == pytest.approx(np.asarray(every), rel=1e-9)


def test_nothing_grows_to_nothing() -> None:
    assert grown(np.ones(4), np.zeros((0, 4))).shape == (0, 4)


@pytest.mark.parametrize("factor", [0.05, 50.0])
def test_the_largest_and_smallest_factors_do_not_overflow(factor: float) -> None:
    found = grown(np.full(1, CEILING), np.full((5000, 1), factor))
    assert np.isfinite(found).all()
    assert found.max() <= CEILING
