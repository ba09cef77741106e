"""The paged kernels equal the specification, for every cache and every way to score."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.tap.summary.cpu import reduce
from sidecar.tap.summary.naive import Scoring, attention_logits
from sidecar.tap.summary.tuning import Tuning
from tests.tap.summary.paged_case import LAYOUTS, Case

PLAIN = Scoring(scale=0.125)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_the_cache(device, layout):
    Case(device, (20,), ((0, 4),), layout=layout, scorings=(PLAIN, PLAIN)).check()


@pytest.mark.parametrize("size", [64, 80, 128, 256])
def test_head_sizes(device, size):
    Case(device, size=size).check()


@pytest.mark.parametrize("block_size", [1, 7, 16, 128])
def test_block_sizes(device, block_size):
    Case(device, block_size=block_size).check()


@pytest.mark.parametrize(("heads", "kv_heads"), [(1, 1), (6, 2), (8, 1), (21, 1)])
def test_groups_of_heads_share_a_read(device, heads, kv_heads):
    Case(device, heads=heads, kv_heads=kv_heads).check()


@pytest.mark.parametrize("lanes", [8, 16])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(device, dtype, lanes):
    Case(device, dtype=dtype, tuning=Tuning(tile=16, programs=18, lanes=lanes)).check()


FP8 = [torch.float8_e4m3fn, torch.float8_e5m2]


@pytest.mark.parametrize("query_dtype", [torch.bfloat16, torch.float16, torch.float8_e4m3fn])
@pytest.mark.parametrize("dtype", FP8)
def test_fp8_with_a_scale(device, dtype, query_dtype):
    Case(device, dtype=dtype, query_dtype=query_dtype, key_scales=torch.tensor(0.37)).check()


def test_fp8_with_a_scale_for_each_layer_position_and_head(device):
    case = Case(device, scorings=(PLAIN, PLAIN))
    scales = 0.1 + torch.rand(2, case.blocks, case.block_size, case.kv_heads)
    Case(
        device,
        dtype=torch.float8_e4m3fn,
        query_dtype=torch.bfloat16,
        scorings=(PLAIN, PLAIN),
        key_scales=scales,
    ).check()


SCORINGS = {
    "window": Scoring(scale=0.125, window=33),
    "window of one": Scoring(scale=0.125, window=1),
    "window of two": Scoring(scale=0.125, window=2),
    "soft cap": Scoring(scale=0.5, soft_cap=2.5),
    "slopes": Scoring(scale=0.125, slopes=torch.tensor([0.5, 0.1, 0.02, 0.0])),
    "sinks": Scoring(scale=0.125, sinks=torch.tensor([2.0, -1.0, 0.5, 90.0])),
}


@pytest.mark.parametrize("name", SCORINGS)
def test_ways_to_score(device, name):
    Case(device, scorings=(SCORINGS[name],)).check()


def test_layers_that_score_differently_share_a_launch(device):
    Case(device, scorings=(PLAIN, *SCORINGS.values())).check()


@pytest.mark.parametrize("programs", [1, 7, 500])
def test_any_number_of_splits(device, programs):
    tuning = Tuning(tile=16, programs=programs, max_splits=16)
    Case(device, lengths=(190,), starts=((0, 4, 130, 131, 180),), tuning=tuning).check()


@pytest.mark.parametrize("starts", [range(70), [0], range(0, 70, 16), [0, 69], [0, 1]])
def test_segments_of_any_number_and_length(device, starts):
    Case(device, lengths=(70,), starts=(list(starts),), max_segments=70).check()


@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 33])
def test_short_contexts(device, length):
    Case(device, lengths=(length,), starts=([0],)).check()


@pytest.mark.parametrize("programs", [1, 8])
def test_a_tie_goes_to_the_first_position(device, programs):
    """Within a tile, between tiles of a piece, and between pieces."""
    tuning = Tuning(tile=16, programs=programs)
    case = Case(device, lengths=(60,), starts=((0, 30),), tuning=tuning)
    block, slot = case._places(case.requests[0])
    case.caches[0][block, slot] = 1.0
    assert set(case.run().summary(0)["argmax"].tolist()) == {0}
    case.caches[0][block[21], slot[21]] = case.caches[0][block[50], slot[50]] = torch.sign(
        case.query[0, case.requests[0].query_row, :1]
    ).expand(case.kv_heads, -1)
    assert case.run().summary(0)["argmax"][0] == 21


def test_a_query_of_nan_is_not_reported_as_a_number(device):
    case = Case(device)
    case.query[:, case.requests[1].query_row] = torch.nan
    flight = case.run()
    found = flight.summary(1)
    for name in found.keys() - {"argmax", "sink_mass", "previous_weight"}:
        assert np.isnan(found[name]).all(), name
    assert 0 <= found["argmax"].min() <= found["argmax"].max() < case.requests[1].positions
    assert np.isfinite(flight.summary(0)["mass"]).all()


def test_columns_are_those_of_the_reduction_on_the_cpu(device):
    scorings = (SCORINGS["sinks"], PLAIN)
    case = Case(device, scorings=scorings)
    flight = case.run()
    for number, request in enumerate(case.requests):
        logits = torch.stack(
            [
                attention_logits(
                    case.query[layer, request.query_row], case.keys(layer, request), scoring
                ).cpu()
                for layer, scoring in enumerate(scorings)
            ]
        )
        expected = reduce(logits, request.starts, scorings)
        found = flight.columns(number)
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            assert found[name].dtype == values.dtype
            np.testing.assert_allclose(found[name], values, rtol=2e-5, atol=2e-6, err_msg=name)


@settings(max_examples=25)
@given(st.data())
def test_equals_the_specification(device, data):
    draw = data.draw
    lengths = draw(st.lists(st.integers(1, 120), min_size=1, max_size=3))
    starts = [sorted({0, *draw(st.sets(st.integers(1, 119), max_size=6))}) for _ in lengths]
    starts = [
        [start for start in row if start < length]
        for row, length in zip(starts, lengths, strict=True)
    ]
    kv_heads, group = draw(st.sampled_from([(1, 1), (2, 3), (1, 8)]))
    scoring = Scoring(
        scale=draw(st.sampled_from([0.05, 0.3])),
        soft_cap=draw(st.sampled_from([0.0, 4.0])),
        window=draw(st.none() | st.integers(1, 80)),
    )
    Case(
        device,
        lengths=lengths,
        starts=starts,
        heads=kv_heads * group,
        kv_heads=kv_heads,
        size=draw(st.sampled_from([16, 40])),
        block_size=draw(st.sampled_from([1, 5, 16])),
        layout=draw(st.sampled_from(LAYOUTS)),
        dtype=draw(st.sampled_from([torch.float16, torch.bfloat16, torch.float32])),
        scorings=(scoring,),
        tuning=Tuning(tile=draw(st.sampled_from([16, 32])), programs=draw(st.integers(1, 40))),
        seed=draw(st.integers(0, 1000)),
    ).check()
