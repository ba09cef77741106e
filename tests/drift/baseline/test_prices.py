"""Prices: traffic like the reference wins nothing, however alike requests of a session are."""

import numpy as np
import pytest

from benchmarks.drift_traffic import sessions
from sidecar.drift.baseline.prices import MOST, wagers
from sidecar.drift.views import BOUNDS, VIEWS, looked_at

SIZE, MARGIN = 20_000, 0.05


def made(seed: int, regime: str = "iid") -> tuple[np.ndarray, np.ndarray]:
    """Deviations of variance 1, half of it their session's where there are sessions."""
    rng = np.random.default_rng(seed)
    own = rng.normal(0, 1, SIZE)
    numbers = sessions(regime, SIZE)
    if numbers is None:
        return own, np.full(SIZE, "", dtype=object)
    shared = rng.normal(0, 1, SIZE)[numbers]
    return (own + shared) / np.sqrt(2), numbers.astype(str).astype(object)


@pytest.mark.parametrize("regime", ["iid", "sessions", "interleaved"])
def test_blocks_like_the_reference_win_nothing_on_average(regime: str) -> None:
    low, high, bets = wagers(*made(1, regime), MARGIN)
    values, names = made(2, regime)
    seen = looked_at(values, low, high)
    _, place = np.unique(names.astype(str), return_inverse=True)
    if regime == "iid":
        place = np.arange(SIZE) // 20
    for number, wager in enumerate(bets):
        paid = np.log1p(np.multiply.outer(wager.bets, seen[number]) - _cost(wager))
        blocks = np.stack([np.bincount(place, weights=row) for row in paid])
        assert np.exp(blocks).mean(axis=1).max() < 1.5, wager.view


def _cost(wager) -> np.ndarray:
    cost: np.ndarray = np.asarray(wager.bets) * np.asarray(wager.prices)
    return cost[:, None]


def test_sessions_that_overlap_are_priced_as_those_in_a_row() -> None:
    prices = [wagers(*made(3, regime), MARGIN)[2] for regime in ("sessions", "interleaved")]
    for one, other in zip(*prices, strict=True):
        assert other.prices[3] == pytest.approx(one.prices[3], abs=0.1)


def test_likeness_costs() -> None:
    alone, together = (wagers(*made(4, regime), MARGIN)[2] for regime in ("iid", "sessions"))
    for one, other in zip(alone, together, strict=True):
        assert other.prices[-1] > one.prices[-1]


@pytest.mark.parametrize("regime", ["iid", "sessions"])
def test_no_request_loses_more_than_the_stake_allows(regime: str) -> None:
    _, _, bets = wagers(*made(5, regime), MARGIN)
    assert tuple(wager.view for wager in bets) == VIEWS
    for wager in bets:
        losses = np.asarray(wager.bets) * (np.asarray(wager.prices) - BOUNDS[wager.view][0])
        assert losses.max() <= MOST + 0.02


def test_a_constant_is_priced_too() -> None:
    _, _, bets = wagers(np.zeros(2000), np.full(2000, "", dtype=object), MARGIN)
    assert np.isfinite([wager.prices for wager in bets]).all()
