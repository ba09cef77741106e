"""Samples of the GPU path equal the specification, come a step later, and are counted when lost."""

import numpy as np
import pytest

from sidecar.config import Sampling
from tests.tap.paged.paged_engine import PROMPTS, PagedEngine


@pytest.fixture
def engine(device):
    return PagedEngine(device)


def test_samples_equal_the_specification_over_cache_groups(engine):
    for _ in range(3):
        engine.step()
    engine.tap.settle()
    assert len(engine.samples) == 3 * len(PROMPTS)
    assert engine.tap.dropped == {}
    assert engine.tap.guard.errors == {}
    for sample in engine.samples:
        step, name = sample.values["step"], sample.values["request_id"]
        for layer in range(2):
            wanted = engine.expected(step, name, layer, sample.values["segment_start"])
            for column in ("mass", "peak", "entropy", "square_sum", "argmax", "self_weight"):
                found = sample.arrays[column].reshape(2, -1)[layer]
                expected = getattr(wanted, column).flatten().numpy()
                np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6, err_msg=column)


def test_the_emitted_token_is_paired_with_its_own_step(engine):
    for _ in range(4):
        engine.step()
    engine.tap.settle()
    for sample in engine.samples:
        name, length = sample.values["request_id"], sample.values["context_length"]
        prompt = PROMPTS[name]
        sequence = prompt + [prompt[at % len(prompt)] for at in range(len(prompt), length + 1)]
        copied = [sequence[at] == sequence[length] for at in sample.arrays["argmax"]]
        assert sample.arrays["copied"].tolist() == copied


def test_a_sample_waits_for_its_token_and_then_keeps_its_order(engine):
    engine.step(arrives=False)
    late = engine.event
    engine.tap.collect()
    engine.step()
    assert engine.samples == [], "the second step's token does not overtake the first's"
    late.passed = True
    engine.tap.collect()
    assert [sample.values["step"] for sample in engine.samples] == [0, 0, 1, 1]
    assert [sample.values["sequence"] for sample in engine.samples] == [0, 1, 2, 3]


def test_a_step_without_a_free_flight_is_counted(engine):
    for _ in range(6):
        engine.step(arrives=False)
    assert engine.tap.dropped["no_flight"] == 2 * len(PROMPTS)


def test_queries_that_were_not_kept_are_not_taken_for_new_ones(engine):
    engine.step()
    for _ in range(2):
        engine.step(hooked=False)
    engine.tap.settle()
    assert len(engine.samples) == len(PROMPTS)
    assert engine.tap.dropped["no_query"] == 2 * len(PROMPTS)
    assert "hooks were removed" in engine.tap.blind


def test_layers_cannot_change_and_it_is_said(engine):
    engine.step()
    engine.tap.apply(Sampling(rate=1.0, stride=1, budget_ms_per_s=0.0, layers=[0]))
    engine.step()
    engine.tap.settle()
    assert [sample.values["layers"] for sample in engine.samples] == [[0, 1]] * 4
    assert "recorded in CUDA graphs" in engine.tap.complaint
    assert engine.tap.sampling.layers == "all"


def test_a_stride_leaves_steps_out_but_learns_their_tokens(engine):
    engine.tap.apply(Sampling(rate=1.0, stride=3, budget_ms_per_s=0.0, layers="all"))
    for _ in range(4):
        engine.step()
    engine.tap.settle()
    assert [sample.values["step"] for sample in engine.samples] == [0, 0, 3, 3]
    assert all(len(sample.arrays["copied"]) for sample in engine.samples)
