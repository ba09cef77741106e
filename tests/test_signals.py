"""Signals against a slow, plain computation of the same definitions, and what is refused."""

import doctest
import math
from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar import schema, signals
from sidecar.signals import calibrated, formulas
from tests.daemon.synthetic import Tap, batch_of

Row = dict[str, Any]
Head = dict[str, float]


def mean(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def gini(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    if not known or sum(known) == 0:
        return math.nan
    spread = sum(abs(a - b) for a in known for b in known)
    return spread / (2 * len(known) * sum(known))


def tokens(row: Row, role: str) -> int:
    spans = zip(row["segment_role"], row["segment_start"], row["segment_end"], strict=True)
    return sum(end - start for found, start, end in spans if found == role)


def is_whole(row: Row) -> bool:
    enough = row["documents_found"] >= row["documents_declared"]
    return enough and "context" in row["segment_role"]


def slow_head(row: Row, index: int) -> Head:
    count = len(row["segment_role"])
    masses = [float(mass) for mass in row["mass"][index * count : (index + 1) * count]]
    by_role: dict[str, float] = defaultdict(float)
    for role, mass in zip(row["segment_role"], masses, strict=True):
        by_role[role] += mass
    outside, length = sum(masses) - by_role["sink"], row["context_length"]
    generated_tokens = tokens(row, "generated")
    share = by_role["context"] / outside if outside > 1e-6 and is_whole(row) else math.nan
    lookback = math.nan
    if generated_tokens:
        prompt = (1 - by_role["generated"]) / (length - generated_tokens)
        lookback = prompt / (prompt + by_role["generated"] / generated_tokens)
    return {
        "context_share": share,
        "sink_share": by_role["sink"],
        "lookback_ratio": lookback,
        "entropy_ratio": float(row["entropy"][index]) / math.log(length),
        "head_concentration": float(row["square_sum"][index]),
        "copy_rate": float(row["copied"][index]) if len(row["copied"]) else math.nan,
    }


def slow_documents(row: Row) -> Head:
    masses = np.reshape(np.asarray(row["mass"], float), (-1, len(row["segment_role"]))).mean(axis=0)
    found: dict[str, float] = defaultdict(float)
    for role, source, mass in zip(row["segment_role"], row["segment_source"], masses, strict=True):
        if role == "context":
            found[source] += mass
    if not is_whole(row):
        return {"top_document_share": math.nan, "document_entropy": math.nan}
    shares = [mass / sum(found.values()) for mass in found.values()]
    entropy = -sum(share * math.log(share) for share in shares)
    even = entropy / math.log(len(shares)) if len(shares) > 1 else math.nan
    return {"top_document_share": max(shares), "document_entropy": even}


def slow(row: Row) -> tuple[Head, dict[str, list[float]]]:
    """Scalars, and layer signals, of one sample."""
    count, heads = len(row["layers"]), row["heads"]
    found = [slow_head(row, index) for index in range(count * heads)]
    scalar = {name: mean([head[name] for head in found]) for name in found[0]}
    scalar["context_gini"] = gini([head["context_share"] for head in found])
    layers = {
        name: [mean([h[name] for h in found[i * heads : (i + 1) * heads]]) for i in range(count)]
        for name in schema.LAYER_SIGNAL_NAMES
    }
    unknown = dict.fromkeys(calibrated.NAMES, math.nan)
    return {**scalar, **slow_documents(row), **unknown}, layers


def assert_right(rows: list[Row]) -> None:
    result = signals.compute(batch_of(rows))
    assert result.schema.equals(schema.RECORD, check_metadata=True)
    result.validate(full=True)
    for row, made in zip(rows, result.to_pylist(), strict=True):
        scalar, layers = slow(row)
        for name in schema.SIGNAL_NAMES:
            value = math.nan if made[name] is None else made[name]
            assert value == pytest.approx(scalar[name], abs=2e-5, nan_ok=True), name
        for name, values in layers.items():
            assert made[f"layer_{name}"] == pytest.approx(values, abs=2e-5, nan_ok=True), name


@st.composite
def samples(draw: st.DrawFn) -> Row:
    tap = Tap(
        layers=range(draw(st.integers(1, 3))),
        heads=draw(st.integers(1, 4)),
        documents=draw(st.integers(0, 3)),
        seed=draw(st.integers(0, 2**32 - 1)),
    )
    row = tap.sample(step=draw(st.sampled_from([0, 1, 7])))
    if draw(st.booleans()):
        row["copied"] = []
    if draw(st.booleans()):
        row["segment_source"] = [source and "same" for source in row["segment_source"]]
    row["documents_declared"] += draw(st.sampled_from([0, 0, 1]))
    return row


@settings(max_examples=60, deadline=None)
@given(st.lists(samples(), min_size=1, max_size=6))
def test_signals_follow_their_definitions_whatever_the_shapes(rows: list[Row]) -> None:
    assert_right(rows)


def test_a_slice_of_a_batch_gives_the_same_signals() -> None:
    batch = Tap(heads=3).batch(9)
    whole = signals.compute(batch)
    assert signals.compute(batch.slice(4, 3)).to_pylist() == whole.slice(4, 3).to_pylist()


def test_an_empty_batch_gives_an_empty_batch() -> None:
    assert len(signals.compute(Tap().batch(1).slice(0, 0))) == 0


def test_a_head_that_sees_only_the_sink_is_left_out_of_context_share() -> None:
    row = Tap(layers=[0], heads=2).sample()
    count = len(row["segment_role"])
    row["mass"] = np.array([1.0] + [0.0] * (count - 1) + [0.5, *[0.0] * (count - 2), 0.5])
    row["mass"][count + 2] += 0.25
    row["mass"][-1] -= 0.25
    found = signals.compute(batch_of([row])).to_pylist()[0]
    assert found["context_share"] == pytest.approx(0.5)
    assert found["context_gini"] == pytest.approx(0)


def test_signals_stay_within_0_and_1() -> None:
    result = signals.compute(Tap(heads=8).batch(50))
    for name in set(schema.SIGNAL_NAMES) - set(calibrated.NAMES):
        values = signals.floats(result.column(name))
        assert values.min() >= 0
        assert values.max() <= 1


def test_per_head_signals_average_to_the_layers() -> None:
    batch = Tap(layers=[3, 5], heads=4).batch(3)
    record = signals.compute(batch)
    [(rows, heads)] = list(signals.per_head(record))
    assert heads["context_share"].shape == (3, 2, 4)
    layers = np.array(record.column("layer_context_share").to_pylist())
    np.testing.assert_allclose(heads["context_share"].mean(axis=2), layers[rows], rtol=1e-5)


def spoiled(name: str, spoil: Any) -> Row:
    row = Tap(layers=[0, 1], heads=2).sample()
    row[name] = spoil(row[name])
    return row


def nan_first(values: Any) -> Any:
    return [math.nan, *values[1:]]


@pytest.mark.parametrize(
    ("name", "spoil", "reason"),
    [
        ("mass", lambda v: v[:-1], "shape"),
        ("entropy", lambda v: [*v, 0.0], "shape"),
        ("copied", lambda v: v[:-1], "shape"),
        ("heads", lambda v: 0, "shape"),
        ("heads", lambda v: -2, "shape"),
        ("layers", lambda v: [], "shape"),
        ("segment_start", lambda v: v[:-1], "shape"),
        ("context_length", lambda v: v + 1, "segments"),
        ("segment_start", lambda v: [1, *v[1:]], "segments"),
        ("segment_end", lambda v: [v[0] + 1, *v[1:]], "segments"),
        ("mass", lambda v: v * 1.05, "mass"),
        ("mass", nan_first, "mass"),
        ("mass", lambda v: [v[0] + 1, v[1] - 1, *v[2:]], "mass"),
        ("entropy", lambda v: v + 10, "statistics"),
        ("entropy", nan_first, "statistics"),
        ("square_sum", lambda v: -v, "statistics"),
        ("previous_weight", nan_first, "statistics"),
        ("previous_weight", lambda v: v * math.nan, "statistics"),
        ("time", lambda v: v.replace(year=1969), "time"),
        ("entropy", lambda v: [None, *v[1:]], "null"),
        ("segment_role", lambda v: [None, *v[1:]], "null"),
    ],
)
def test_a_row_that_contradicts_itself_is_named_and_the_others_are_not(
    name: str, spoil: Any, reason: str
) -> None:
    bad = spoiled(name, spoil) | {"record_id": "the bad one"}
    tap = Tap(layers=[0, 1], heads=2, boot="fine")
    with pytest.raises(signals.BadRows, match=f"'the bad one': {reason}") as caught:
        signals.compute(batch_of([tap.sample(), bad, tap.sample()]))
    assert caught.value.reasons == {1: reason}


def of_one_token() -> Row:
    nothing = [math.nan] * 4
    shape = {
        "step": 0,
        "prompt_length": 1,
        "context_length": 1,
        "segment_role": ["sink"],
        "segment_source": [""],
        "segment_start": [0],
        "segment_end": [1],
    }
    statistics = dict.fromkeys(("mass", "peak", "square_sum", "self_weight"), [1.0] * 4)
    unknown = {"argmax": [0] * 4, "entropy": [0.0] * 4, "previous_weight": nothing}
    row = Tap(layers=[0, 1], heads=2, documents=0, boot="short").sample(step=0)
    return row | shape | statistics | unknown


def test_a_prompt_of_one_token_has_no_previous_position_and_is_taken() -> None:
    other = Tap(layers=[0, 1], heads=2).sample()
    found = signals.compute(batch_of([other, of_one_token(), other]))
    assert found["sink_share"].to_pylist()[1] == 1
    assert found["entropy_ratio"].to_pylist()[1] is None


@pytest.mark.parametrize("weight", [[math.nan] * 3 + [2.0], [-1.0] * 4])
def test_a_previous_weight_of_one_token_that_is_neither_share_nor_nan_is_refused(
    weight: list[float],
) -> None:
    with pytest.raises(signals.BadRows) as caught:
        signals.compute(batch_of([of_one_token() | {"previous_weight": weight}]))
    assert caught.value.reasons == {0: "statistics"}


def test_a_null_in_a_required_field_is_a_bad_row() -> None:
    batch = Tap().batch(2)
    column = pa.array([None, "0"])
    index = batch.schema.get_field_index("engine")
    columns = [column if i == index else c for i, c in enumerate(batch.columns)]
    with pytest.raises(signals.BadRows) as caught:
        signals.compute(pa.RecordBatch.from_arrays(columns, schema=schema.WIRE))
    assert caught.value.reasons == {0: "null"}


def test_every_signal_has_its_definition_with_formula_source_and_example() -> None:
    for name in schema.SIGNAL_NAMES:
        text = getattr(formulas, name).__doc__
        assert "Formula: `" in text
        assert "Source: " in text
        assert ">>> " in text


def test_the_examples_in_the_definitions_hold() -> None:
    outcome = doctest.testmod(formulas)
    assert outcome.attempted >= len(schema.SIGNAL_NAMES)
    assert outcome.failed == 0
