"""The wording around statements: training and exams share none, and nonsense is made anew."""

import random
from dataclasses import astuple

from sidecar.demo.wording import SEEN, UNSEEN, with_nonsense
from sidecar.demo.world import World


def test_training_and_exams_share_no_wording() -> None:
    for seen, unseen in zip(astuple(SEEN), astuple(UNSEEN), strict=True):
        assert not set(seen) & set(unseen)


def test_nonsense_joins_the_wording_and_differs_by_draw() -> None:
    first, second = (with_nonsense(SEEN, random.Random(seed)) for seed in (1, 2))
    assert with_nonsense(SEEN, random.Random(1)) == first
    for known, one, other in zip(astuple(SEEN), astuple(first), astuple(second), strict=True):
        assert set(known) < set(one)
        assert set(one) & set(other) == set(known)


def test_a_world_of_nonsense_still_states_its_facts() -> None:
    world = World("nonsense", with_nonsense(SEEN, random.Random(3)))
    for case in (world.case() for _ in range(100)):
        assert case.gold is not None
        assert case.fact.statement[1:] in case.documents[case.gold].text
        assert case.fact.entity in case.question
