"""Sampling changes while the engine serves: rate, layers, budget."""

import time

from scipy.stats import binom

from tests.engine.server import EVERY_STEP
from tests.engine.test_numbers import prompt


def test_at_rate_zero_no_summary_runs(engine):
    engine.listen(rate=0.0)
    engine.generate([prompt(30, 1)], 1)
    spent = engine.tap.guard.seconds["summary"]
    copied = engine.tap.guard.seconds["stash"]
    engine.generate([prompt(30, seed) for seed in range(4)], 6)
    assert engine.samples == []
    assert engine.tap.guard.seconds["summary"] == spent
    assert engine.tap.guard.seconds["stash"] == copied


def test_the_engine_samples_at_the_rate(engine):
    requests = 200
    for rate in (0.1, 0.5, 1.0):
        engine.listen(rate=rate)
        engine.generate([prompt(4, seed) for seed in range(requests)], 1)
        low, high = binom.interval(1 - 1e-6, requests, rate)
        assert low <= len(engine.samples) <= high, rate


def test_steps_are_sampled_by_stride(engine):
    engine.listen(stride=4)
    engine.generate([prompt(30, 1)], 10)
    assert [sample.values["step"] for sample in engine.samples] == [0, 4, 8]


def test_layers_change_at_run_time(engine):
    engine.listen(layers=[1, 3])
    engine.generate([prompt(30, 1)], 2)
    assert engine.samples[-1].values["layers"] == [1, 3]
    assert engine.samples[-1].arrays["entropy"].shape == (2 * 8,)


def test_a_layer_that_is_not_there_changes_nothing(engine):
    engine.listen(layers=[0])
    engine.generate([prompt(30, 1)], 1)
    engine.listen(layers=[77])
    engine.generate([prompt(30, 1)], 2)
    assert [sample.values["layers"] for sample in engine.samples] == [[0], [0]]
    assert "no layers [77]" in engine.tap.complaint
    assert engine.tap.sampling.layers == [0]
    assert "UnknownLayer" not in engine.tap.guard.errors
    engine.listen(layers=[0])
    engine.generate([prompt(30, 1)], 1)
    assert engine.tap.complaint == ""


def test_the_budget_lowers_the_rate_under_load_and_restores_it(engine):
    engine.listen(budget_ms_per_s=10.0)
    deadline = time.monotonic() + 120
    while not any(sample.values["sampling_rate"] < 0.8 for sample in engine.samples):
        assert time.monotonic() < deadline
        engine.generate([prompt(60, seed) for seed in range(4)], 20)
    assert engine.tap.dropped["over_budget"] > 0
    engine.listen(budget_ms_per_s=1000.0)
    deadline = time.monotonic() + 60
    while engine.tap.sampler.budget.share < 1 and time.monotonic() < deadline:
        engine.generate([prompt(4, 1)], 1)
        time.sleep(0.2)
    assert engine.tap.sampler.budget.share == 1


def test_a_change_reaches_the_engine_within_two_seconds(served):
    from tests.engine.server import collect

    with collect(served) as collector:
        collector.settle()
        begin = time.monotonic()
        collector.settle(rate=0.25)
        assert time.monotonic() - begin < 2.0
        assert collector.statuses[-1].sampling.rate == 0.25
        assert collector.statuses[-1].sampling.stride == EVERY_STEP["stride"]
