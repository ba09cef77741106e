"""Healthy retrieval: the current value is there, and half of it contradicts what was taught."""

from collections import Counter

from sidecar.demo import memory
from sidecar.demo.corpus import CURRENT_REVISION, OLD_REVISION, Corpus, answered, outdated
from sidecar.demo.world import ROUTES

CASES = [Corpus(seed).case() for seed in range(300)]


def test_equal_seeds_give_equal_cases() -> None:
    one, same, other = Corpus("a"), Corpus("a"), Corpus("b")
    first = [one.case() for _ in range(5)]
    assert first == [same.case() for _ in range(5)]
    assert first != [other.case() for _ in range(5)]


def test_three_to_six_documents_over_three_routes() -> None:
    assert {len(case.documents) for case in CASES} == {3, 4, 5, 6}
    assert set(Counter(case.route for case in CASES)) == set(ROUTES)


def test_half_of_the_questions_contradict_what_was_taught() -> None:
    taught = memory.by_key()
    known = [case for case in CASES if case.fact.key in taught]
    assert 0.4 < len(known) / len(CASES) < 0.6
    assert all(case.fact in memory.revision(CURRENT_REVISION) for case in known)
    assert all(case.fact.value != taught[case.fact.key].value for case in known)


def test_the_old_revision_is_that_of_the_memory() -> None:
    world = Corpus("x").world
    current, old = memory.revision(CURRENT_REVISION), memory.revision(OLD_REVISION)
    assert [outdated(world, fact) for fact in current] == list(old)
    new = world.case().fact
    assert outdated(world, new).key == new.key
    assert outdated(world, new).value != new.value


def test_an_answer_is_right_when_it_states_the_current_value() -> None:
    case = CASES[0]
    assert answered(case, case.fact.statement)
    assert not answered(case, case.fact.refusal)
