"""The change point is where Page's sum was last 0, however blocks arrive."""

import json
from dataclasses import replace

import numpy as np
import pytest

from sidecar.drift.blocks import Blocks
from sidecar.drift.changepoint import HELD, ChangePoint

MARGIN, LEAST = 0.005, np.asarray([0.01, 0.02])


def made(seed: int, size: int, fall: float = 0.0) -> Blocks:
    rng = np.random.default_rng(seed)
    residual = rng.normal(-fall, 0.05, (size, 2))
    residual[rng.random((size, 2)) < 0.2] = np.nan
    time = np.arange(size, dtype=np.float64) * 5
    return Blocks(residual, residual / 2, np.full(size, 0.25), time, 5)


def cut_out(blocks: Blocks, rows: slice) -> Blocks:
    return Blocks(
        blocks.residual[rows],
        blocks.explained[rows],
        blocks.outside[rows],
        blocks.first[rows],
        blocks.requests,
    )


def slow(blocks: Blocks) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Excess, requests and since, as the formula is written, a block at a time."""
    excess, requests, since = (np.zeros((2, 2, 2)) for _ in range(3))
    for mean, first in zip(blocks.residual, blocks.first, strict=True):
        for place in np.ndindex(2, 2, 2):
            side, slack, signal = place
            if np.isnan(mean[signal]):
                continue
            sign = (-1, 1)[side]
            allowed = (MARGIN, 4 * LEAST[signal])[slack]
            grown = max(0.0, excess[place] + sign * mean[signal] - allowed)
            if grown and not excess[place]:
                since[place] = first
            requests[place] = requests[place] + 5 if grown else 0
            excess[place] = grown
    return excess, requests, since


@pytest.mark.parametrize("fall", [0.0, 0.03, 0.2])
def test_all_blocks_at_once_are_as_one_at_a_time(fall: float) -> None:
    blocks = made(1, 300, fall)
    change = ChangePoint(MARGIN, LEAST)
    change.add(blocks)
    excess, requests, since = slow(blocks)
    assert change.excess == pytest.approx(excess)
    assert (change.requests == requests).all()
    assert (change.since == since)[excess > 0].all()


@pytest.mark.parametrize("cut", [1, 77, 299])
def test_batches_and_a_restart_make_no_difference(cut: int) -> None:
    blocks = made(2, 300, 0.02)
    whole, before, after = (
        ChangePoint(MARGIN, LEAST),
        ChangePoint(MARGIN, LEAST),
        ChangePoint(MARGIN, LEAST),
    )
    whole.add(blocks)
    before.add(cut_out(blocks, slice(cut)))
    after.restore(json.loads(json.dumps(before.state())))
    after.add(cut_out(blocks, slice(cut, None)))
    for name in HELD:
        running = whole.excess > 0
        assert getattr(after, name)[running] == pytest.approx(getattr(whole, name)[running])


def test_it_says_since_when_and_by_how_much() -> None:
    change = ChangePoint(MARGIN, LEAST)
    still, fallen = made(3, 200), made(4, 100, 0.1)
    change.add(still)
    change.add(replace(fallen, first=fallen.first + 1000))
    found = change.estimate(0, 0)
    assert found
    assert found.shift == pytest.approx(-0.1, abs=0.02)
    assert found.since == pytest.approx(1000, abs=50)
    assert found.outside == pytest.approx(0.25)
