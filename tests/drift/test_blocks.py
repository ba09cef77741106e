"""Blocks are cut by count, between sessions, and never wait for ever."""

import doctest

import numpy as np

from sidecar.drift import blocks


def test_the_examples_hold() -> None:
    assert doctest.testmod(blocks).failed == 0


def test_a_session_is_not_cut_until_the_block_is_four_times_as_long() -> None:
    one = np.asarray(["a"] * 100, dtype=object)
    assert blocks.ends(one, 5).tolist() == [20, 40, 60, 80, 100]


def test_the_end_of_a_known_session_shows_with_the_next_request() -> None:
    assert blocks.ends(np.asarray(["a"] * 7, dtype=object), 5).tolist() == []
    assert blocks.ends(np.asarray(["a"] * 7 + ["b"], dtype=object), 5).tolist() == [7]


def test_what_is_not_measured_is_left_out_of_a_mean() -> None:
    values = np.asarray([1.0, np.nan, 3.0, np.nan, np.nan])
    found = blocks.means(values, np.asarray([3, 5]))
    assert found[0] == 2
    assert np.isnan(found[1])


def test_four_blocks_make_one() -> None:
    assert blocks.merged(np.arange(9, dtype=np.float64)).tolist() == [1.5, 5.5]
