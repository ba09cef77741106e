"""Blocks are cut by count; what is not measured is left out of their means."""

import doctest

import numpy as np
import pytest

from sidecar.drift import blocks
from sidecar.drift.blocks import Rows


def rows(values: list[float]) -> Rows:
    column = np.asarray(values, dtype=np.float64)
    return Rows(
        column[:, None], column[:, None] / 2, column * 0, np.arange(len(column), dtype=np.float64)
    )


def test_the_examples_hold() -> None:
    assert doctest.testmod(blocks).failed == 0


def test_a_block_is_the_mean_of_requests_in_a_row() -> None:
    found = blocks.blocks(rows([1, 2, np.nan, 4, 5, 6, 7]), 3)
    assert found.residual.ravel().tolist() == [1.5, 5.0]
    assert found.explained.ravel().tolist() == [0.75, 2.5]
    assert found.first.tolist() == [0, 3]
    assert found.requests == 3


@pytest.mark.parametrize("size", [0, 4])
def test_too_few_requests_make_no_block(size: int) -> None:
    found = blocks.blocks(rows([1.0] * size))
    assert (len(found), found.residual.shape) == (0, (0, 1))


def test_what_was_left_over_comes_before_the_next() -> None:
    joined = rows([3, 4]).after(rows([1, 2]))
    assert joined.residual.ravel().tolist() == [1, 2, 3, 4]
