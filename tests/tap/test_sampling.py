import pytest
from scipy.stats import binom

from sidecar.config import Sampling
from sidecar.tap.sampling import Budget, Decision, Sampler, position


class Clock:
    """A clock that a test moves."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5, 1.0])
def test_observed_rates_lie_within_binomial_bounds(rate):
    sampler = Sampler(Sampling(rate=rate))
    requests = 20_000
    taken = sum(bool(sampler.decide(f"chatcmpl-{n}", None)) for n in range(requests))
    low, high = binom.interval(1 - 1e-6, requests, rate)
    assert low <= taken <= high


def test_rate_zero_takes_nothing_but_what_asks_for_it():
    sampler = Sampler(Sampling(rate=0))
    assert not any(sampler.decide(f"cmpl-{n}", None) for n in range(1000))
    forced = sampler.decide("cmpl-1", True)
    assert forced == Decision(rate=0, stride=16, forced=True)


def test_a_request_may_refuse():
    assert Sampler(Sampling(rate=1)).decide("cmpl-1", False) is None


def test_a_retry_gets_the_same_decision_whatever_suffix_the_engine_adds():
    assert position("chatcmpl-abc-01234567") == position("chatcmpl-abc-89abcdef")
    assert position("chatcmpl-abc") != position("chatcmpl-abd")


def test_a_lower_rate_takes_a_subset():
    low, high = Sampler(Sampling(rate=0.2)), Sampler(Sampling(rate=0.6))
    ids = [f"cmpl-{n}" for n in range(2000)]
    taken = {name for name in ids if low.decide(name, None)}
    assert taken < {name for name in ids if high.decide(name, None)}


def test_the_first_step_and_every_stride_th_are_taken():
    decision = Decision(rate=1, stride=16, forced=False)
    assert [step for step in range(40) if decision.takes(step)] == [0, 16, 32]


def test_the_budget_lowers_the_rate_and_restores_it():
    clock = Clock()
    budget, spent = Budget(clock), 0.0
    for _ in range(5):
        clock.now += 1
        spent += 0.080 * budget.share
        budget.update(20.0, spent)
    assert budget.share == pytest.approx(0.25, rel=0.3)
    for _ in range(20):
        clock.now += 1
        budget.update(20.0, spent)
    assert budget.share == 1.0


def test_within_a_second_twice_the_budget_is_the_end():
    budget = Budget(Clock())
    assert not budget.exhausted(20.0, 0.039)
    assert budget.exhausted(20.0, 0.041)
    assert not budget.exhausted(0.0, 10.0), "no budget, no limit"


def test_the_effective_rate_is_what_a_decision_records():
    sampler = Sampler(Sampling(rate=0.8))
    sampler.budget.share = 0.5
    decision = sampler.decide("cmpl-1", True)
    assert decision is not None
    assert decision.rate == pytest.approx(0.4)
