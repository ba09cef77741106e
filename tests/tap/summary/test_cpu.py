"""The CPU reduction equals the specification, for odd shapes, masks and sinks."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.tap.summary.cpu import reduce
from sidecar.tap.summary.naive import Scoring, attention_logits, attention_weights, summarise


def both(groups, size, positions, starts, scorings, seed=0):
    heads, kv_heads = groups
    torch.manual_seed(seed)
    queries = [3 * torch.randn(heads, size) for _ in scorings]
    keys = [torch.randn(kv_heads, positions, size) for _ in scorings]
    expected = [
        summarise(q, k, torch.tensor(starts), scoring)
        for q, k, scoring in zip(queries, keys, scorings, strict=True)
    ]
    logits = torch.stack(
        [attention_logits(q, k, s) for q, k, s in zip(queries, keys, scorings, strict=True)]
    )
    return expected, reduce(logits, np.array(starts), scorings)


def agree(expected, found):
    for name, values in found.items():
        parts = [getattr(one, name).clone() for one in expected]
        if name == "mass":
            for part, one in zip(parts, expected, strict=True):
                part[:, 0] += one.sink_mass
        wanted = torch.stack(parts).reshape(-1).numpy()
        np.testing.assert_allclose(values, wanted, rtol=2e-5, atol=2e-6, err_msg=name)


@settings(deadline=None, max_examples=60)
@given(
    positions=st.integers(1, 90),
    groups=st.sampled_from([(1, 1), (4, 2), (6, 3), (8, 1)]),
    size=st.sampled_from([1, 7, 32]),
    seed=st.integers(0, 1000),
    window=st.none() | st.integers(1, 40),
    soft_cap=st.sampled_from([0.0, 2.5]),
    cuts=st.sets(st.integers(1, 89), max_size=6),
)
def test_equals_the_specification(positions, groups, size, seed, window, soft_cap, cuts):
    scoring = Scoring(scale=size**-0.5, soft_cap=soft_cap, window=window)
    starts = [0, *sorted(cut for cut in cuts if cut < positions)]
    agree(*both(groups, size, positions, starts, [scoring, scoring], seed))


@pytest.mark.parametrize("positions", [1, 2, 33])
def test_learned_sinks_join_the_sink_segment(positions):
    sinks = Scoring(scale=0.3, sinks=torch.tensor([2.0, -1.0, 0.5, 9.0]))
    expected, found = both((4, 2), 16, positions, [0], [sinks, Scoring(scale=0.3)])
    agree(expected, found)
    np.testing.assert_allclose(found["mass"], 1.0, atol=1e-6)


def test_alibi_slopes_penalise_distance():
    slopes = Scoring(scale=0.1, slopes=torch.tensor([0.5, 0.1]))
    agree(*both((2, 1), 8, 21, [0, 4, 9], [slopes]))


def test_weights_equal_torchs_own_attention():
    torch.manual_seed(3)
    heads, kv_heads, size, positions = 6, 2, 16, 45
    query, keys = torch.randn(heads, size), torch.randn(kv_heads, positions, size)
    values = torch.eye(positions).expand(kv_heads, positions, positions)
    weights = torch.nn.functional.scaled_dot_product_attention(
        query[None, :, None], keys[None], values[None], enable_gqa=True
    )[0, :, 0]
    found = attention_weights(query, keys, Scoring(scale=size**-0.5))
    torch.testing.assert_close(found, weights, rtol=1e-5, atol=1e-6)


def test_large_scores_stay_finite_and_sum_to_one():
    logits = torch.tensor([[[1e4, -1e4, 0.0, 1e4]]])
    found = reduce(logits, np.array([0, 2]), [Scoring(scale=1.0)])
    np.testing.assert_allclose(found["mass"], [0.5, 0.5])
    np.testing.assert_allclose(found["entropy"], np.log(2), rtol=1e-6)
    assert found["argmax"].tolist() == [0]
