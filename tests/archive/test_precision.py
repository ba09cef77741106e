"""What is stored of a float: so many significant bits, and never another kind of number."""

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.archive.precision import (
    WEIGHT_STEP,
    round_column,
    round_significant,
    round_weights,
    significant_bits,
)

BITS = st.integers(2, 23)
FLOATS = st.lists(st.floats(width=32), max_size=40).map(lambda values: np.array(values, np.float32))
NORMAL = st.floats(2.0**-100, 2.0**100, width=32)


def exactly_rounded(value: float, bits: int) -> float:
    """Half to even in decimal arithmetic, which is exact for floats."""
    exponent = int(np.floor(np.log2(value))) - bits + 1
    step = Decimal(2) ** exponent
    return float((Decimal(value) / step).quantize(Decimal(1), ROUND_HALF_EVEN) * step)


@given(value=NORMAL, bits=BITS, sign=st.sampled_from([1, -1]))
def test_it_rounds_half_to_even(value: float, bits: int, sign: int) -> None:
    rounded = round_significant(np.array([sign * value], np.float32), bits)
    assert rounded[0] == sign * exactly_rounded(value, bits)


@pytest.mark.parametrize(("value", "rounded"), [(5, 4), (7, 8), (9, 8), (11, 12), (13, 12)])
def test_ties_go_to_the_even_neighbour(value: int, rounded: int) -> None:
    bits = 2 if value < 8 else 3
    assert round_significant(np.array([value], np.float32), bits)[0] == rounded


@given(values=FLOATS, bits=BITS)
def test_rounding_twice_changes_nothing(values: np.ndarray, bits: int) -> None:
    once = round_significant(values, bits)
    np.testing.assert_array_equal(round_significant(once, bits), once)


@given(values=FLOATS, bits=BITS)
def test_nan_and_infinities_stay_and_the_rest_keeps_its_sign(values: np.ndarray, bits: int) -> None:
    rounded = round_significant(values, bits)
    np.testing.assert_array_equal(np.isnan(rounded), np.isnan(values))
    np.testing.assert_array_equal(rounded[np.isinf(values)], values[np.isinf(values)])
    np.testing.assert_array_equal(np.signbit(rounded), np.signbit(values))


@pytest.mark.parametrize("pattern", [0x7F800001, 0x7FFFFFFF, 0xFF800001, 0xFFFFFFFF])
def test_every_kind_of_nan_stays_a_nan(pattern: int) -> None:
    values = np.array([pattern], np.uint32).view(np.float32)
    assert np.isnan(round_significant(values, 11))[0]


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=40))
def test_weights_are_whole_steps_within_their_bits(weights: list[float]) -> None:
    values = np.array(weights, np.float32)
    stored = round_weights(values, 8).astype(float)
    np.testing.assert_array_equal(stored / WEIGHT_STEP, np.rint(stored / WEIGHT_STEP))
    np.testing.assert_array_less(np.abs(stored - values), values * 2**-8 + WEIGHT_STEP)


@given(st.lists(st.floats(2**-10, 1, width=32), min_size=1, max_size=64))
def test_stored_masses_still_sum_to_one(parts: list[float]) -> None:
    masses = np.array(parts, np.float32) / np.float32(sum(parts))
    bits = significant_bits("mass")
    assert bits is not None
    assert abs(round_weights(masses, bits).sum(dtype=float) - 1) < 1e-3


def test_nulls_and_slices_of_a_column_stay_in_place() -> None:
    column = pa.array([9.0, None, 0.1, None, 0.3], pa.float32()).slice(1)
    stored = round_column("context_share", column)
    stored.validate(full=True)
    assert stored.to_pylist() == [
        None,
        pytest.approx(0.1, rel=1e-3),
        None,
        pytest.approx(0.3, 1e-3),
    ]
    assert stored[1].as_py() != column[1].as_py()


def test_slices_of_lists_keep_their_rows() -> None:
    column = pa.array([[1.0], [0.5, float("nan")], [], [0.25]], pa.list_(pa.float32())).slice(1)
    stored = round_column("entropy", column)
    stored.validate(full=True)
    assert [len(row) for row in stored.to_pylist()] == [2, 0, 1]
    assert stored[2].as_py() == [0.25]


def test_a_null_inside_a_list_becomes_nan() -> None:
    stored = round_column("entropy", pa.array([[None, 1.0]], pa.list_(pa.float32())))
    assert np.isnan(stored[0].as_py()[0])


def test_settings_and_other_types_are_left_alone() -> None:
    rate = pa.array([0.1], pa.float32())
    assert round_column("sampling_rate", rate) is rate
    steps = pa.array([1], pa.int32())
    assert round_column("step", steps) is steps
