"""Separation of answers: the statistic, the matching, and what a plan leaves out."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.asked import Answer
from benchmarks.told_apart import Plan, Separation, auroc, matched
from sidecar.demo.judge import Verdict
from sidecar.demo.world import World

CASE = World("told-apart").case()
CHOSEN = np.array([[True, False], [False, False]])


def answer(verdict: Verdict, share: float, *, prompt: int = 100, output: int = 4) -> Answer:
    """Heads of 2 layers; the first of layer 0 has the share at odd steps only."""
    heads = np.zeros((output, 2, 2), dtype=np.float32)
    heads[1::2, 0, 0] = share
    named = dict.fromkeys(
        ("context_share", "retrieved", "copy_rate", "lookback_ratio", "entropy_ratio"), heads
    )
    return Answer(CASE, "", verdict, prompt, output, np.arange(output), named)


def test_auroc_is_the_probability_of_the_right_order() -> None:
    draw = np.random.default_rng(1)
    higher, lower = draw.normal(1, 1, 60), draw.normal(0, 1, 50)
    counted = np.mean(higher[:, None] > lower[None, :])
    assert auroc(higher, lower).value == pytest.approx(counted)
    assert auroc(lower, higher).value == pytest.approx(1 - counted)
    assert auroc(lower, lower).value == pytest.approx(0.5)
    first, third = auroc(higher, lower).quartiles
    assert first < counted < third


def test_overlap_is_of_words_that_stand_in_the_documents() -> None:
    stated = CASE.documents[0].fact.statement
    read = replace(answer(Verdict.DOCUMENT, 0.0), text=stated)
    invented = replace(answer(Verdict.MEMORY, 0.0), text="xyzzy plugh")
    assert Separation([read], [invented], CHOSEN).by_overlap().value == 1.0
    assert Separation([read], [read], CHOSEN).by_overlap().value == 0.5


def test_nothing_to_compare_is_not_measured() -> None:
    assert np.isnan(auroc(np.array([]), np.array([1.0])).value)
    assert np.isnan(auroc(np.array([np.nan]), np.array([1.0])).value)


def test_pairs_have_equal_output_and_nearly_equal_prompts() -> None:
    answers = [
        answer(Verdict.DOCUMENT, 1.0, prompt=100, output=4),
        answer(Verdict.DOCUMENT, 1.0, prompt=100, output=6),
        answer(Verdict.DOCUMENT, 1.0, prompt=200, output=4),
        answer(Verdict.MEMORY, 0.0, prompt=105, output=4),
        answer(Verdict.MEMORY, 0.0, prompt=101, output=4),
        answer(Verdict.REFUSED, 0.0, prompt=100, output=6),
    ]
    documents, memory = matched(answers)
    assert [(d.prompt_tokens, m.prompt_tokens) for d, m in zip(documents, memory, strict=True)] == [
        (100, 101)
    ]


def separation() -> Separation:
    levels = np.linspace(0, 1, 20)
    documents = [answer(Verdict.DOCUMENT, 0.4 + 0.6 * x) for x in levels]
    memory = [answer(Verdict.MEMORY, 0.6 * x) for x in levels]
    return Separation(documents, memory, CHOSEN)


def test_a_score_tells_them_apart_and_length_does_not() -> None:
    told = separation()
    assert 0.7 < told.auroc("grounding_score", Plan()).value < 1
    assert told.by_length().value == pytest.approx(0.5)


def test_a_mean_over_requests_tells_more() -> None:
    told = separation()
    single, mean = (told.auroc("grounding_score", Plan(averaged=n)).value for n in (1, 5))
    assert mean > single


def test_a_plan_sees_what_it_samples_alone() -> None:
    told = separation()
    assert told.auroc("grounding_score", Plan(stride=2)).value == pytest.approx(0.5)
    assert np.isnan(told.auroc("grounding_score", Plan(layers=(1,))).value)
    assert told.auroc("mean_share", Plan(layers=(1,))).value == pytest.approx(0.5)
