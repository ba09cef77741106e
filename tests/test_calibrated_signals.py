"""Signals of calibrated heads against a plain computation, and which samples they do not fit."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar import signals
from sidecar.signals import CalibratedHeads
from sidecar.signals.calibrated import NAMES
from tests.daemon.synthetic import Tap, batch_of
from tests.test_signals import Row, is_whole, mean, slow_head

REVISIONS = (None, "r1", "r2")
CALIBRATIONS = (
    CalibratedHeads("demo", None, 4, ((8, 1), (4, 3), (8, 0))),
    CalibratedHeads("demo", "r2", 4, ((4, 0),)),
    CalibratedHeads("other", "r1", 3, ((12, 2),), any_revision=True),
)


def in_document(row: Row, position: int) -> bool:
    spans = zip(row["segment_role"], row["segment_start"], row["segment_end"], strict=True)
    return any(role == "context" and start <= position < end for role, start, end in spans)


def fitting(row: Row) -> CalibratedHeads | None:
    model = row["model_name"], row["model_revision"]
    return {
        ("demo", None): CALIBRATIONS[0],
        ("demo", "r2"): CALIBRATIONS[1],
        **{("other", revision): CALIBRATIONS[2] for revision in REVISIONS},
    }.get(model)


def slow(row: Row) -> dict[str, float]:
    calibration = fitting(row)
    if (
        calibration is None
        or calibration.heads != row["heads"]
        or not set(calibration.layers) <= set(row["layers"])
    ):
        return dict.fromkeys(NAMES, math.nan)
    heads = [row["layers"].index(layer) * row["heads"] + head for layer, head in calibration.chosen]
    share = mean([slow_head(row, index)["context_share"] for index in heads])
    rate = math.nan
    if is_whole(row) and len(row["copied"]):
        copies = [row["copied"][i] and in_document(row, row["argmax"][i]) for i in heads]
        rate = sum(copies) / len(copies)
    return dict(zip(NAMES, (share, rate, (share + rate) / 2), strict=True))


@st.composite
def samples(draw: st.DrawFn) -> Row:
    tap = Tap(
        model=draw(st.sampled_from(["demo", "other", "third"])),
        layers=draw(st.sampled_from([(4, 8), (8, 4, 12), (4,), (12, 16, 4, 8)])),
        heads=draw(st.sampled_from([4, 4, 3])),
        documents=draw(st.integers(0, 3)),
        seed=draw(st.integers(0, 2**32 - 1)),
    )
    row = tap.sample(model_revision=draw(st.sampled_from(REVISIONS)))
    row["copied"] = draw(st.sampled_from([[], [True] * len(row["copied"]), row["copied"]]))
    row["argmax"] = tap.random.integers(0, row["context_length"], len(row["argmax"]))
    row["documents_declared"] += draw(st.sampled_from([0, 0, 1]))
    return row


@settings(max_examples=50)
@given(st.lists(samples(), min_size=1, max_size=8))
def test_signals_follow_their_definitions_whatever_models_and_shapes_are_mixed(
    rows: list[Row],
) -> None:
    made = signals.compute(batch_of(rows), CALIBRATIONS).to_pylist()
    for row, found in zip(rows, made, strict=True):
        for name, expected in slow(row).items():
            value = math.nan if found[name] is None else found[name]
            assert value == pytest.approx(expected, abs=2e-5, nan_ok=True), name


@settings(max_examples=50)
@given(st.lists(samples(), min_size=1, max_size=8))
def test_a_sample_that_no_calibration_fits_has_a_reason(rows: list[Row]) -> None:
    batch = batch_of(rows)
    misfits = sum(math.isnan(slow(fully_measured(row))["grounding_score"]) for row in rows)
    assert sum(signals.mismatches(batch, CALIBRATIONS).values()) == misfits


def fully_measured(row: Row) -> Row:
    """The same sample of the same model, with all its documents."""
    whole = Tap(layers=row["layers"], heads=row["heads"]).sample()
    return whole | {name: row[name] for name in ("model_name", "model_revision")}


def reason(**changes: Any) -> dict[str, int]:
    tap = Tap(layers=changes.pop("layers", (4, 8)), heads=changes.pop("heads", 4))
    return dict(signals.mismatches(batch_of([tap.sample(**changes)]), CALIBRATIONS))


def test_the_reasons_are_told_apart() -> None:
    assert reason() == {}
    assert reason(model_name="third") == {"model": 1}
    assert reason(model_revision="r9") == {"revision": 1}
    assert reason(layers=(4, 12)) == {"layers": 1}
    assert reason(heads=8) == {"heads": 1}


def test_heads_are_taken_by_the_index_of_their_layer() -> None:
    row = Tap(layers=(8, 4), heads=4).sample()
    document = row["segment_role"].index("context")
    row["argmax"] = np.full(8, row["segment_start"][document], dtype=np.int32)
    row["copied"] = [True, True, False, False, False, False, False, True]
    [found] = signals.compute(batch_of([row]), CALIBRATIONS).to_pylist()
    assert found["retrieval_rate"] == 1


@pytest.mark.parametrize("position", [-1, 10**6, 2**31 - 1])
def test_a_position_outside_the_sample_is_in_no_document(position: int) -> None:
    row = Tap(layers=(4, 8), heads=4).sample(copied=[True] * 8)
    row["argmax"] = np.full(8, position, dtype=np.int32)
    found = signals.compute(batch_of([row, row, row]), CALIBRATIONS)
    assert found["retrieval_rate"].to_pylist() == [0, 0, 0]


def test_the_revision_itself_comes_before_any_revision() -> None:
    loose = CalibratedHeads("m", "r1", 4, ((0, 0),), any_revision=True)
    exact = CalibratedHeads("m", "r2", 4, ((0, 1),))
    assert signals.matching([loose, exact], "m", "r2") is exact
    assert signals.matching([loose, exact], "m", "r3") is loose
    assert signals.matching([exact], "m", "r3") is None
    assert signals.matching([loose, exact], "n", "r1") is None


@settings(max_examples=50)
@given(st.lists(samples(), min_size=1, max_size=5))
def test_retrieved_says_of_every_head_whether_it_copies_from_a_document(rows: list[Row]) -> None:
    for which, found in signals.retrieved(batch_of(rows)):
        for number, values in zip(which, found, strict=True):
            row = rows[number]
            copied = row["copied"] if len(row["copied"]) else [math.nan] * values.size
            expected = [c * in_document(row, p) for c, p in zip(copied, row["argmax"], strict=True)]
            np.testing.assert_array_equal(values.ravel(), expected)
