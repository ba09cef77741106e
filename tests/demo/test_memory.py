"""What is learned by heart, and its later revisions."""

from sidecar.calibration.words import contains
from sidecar.demo import memory
from sidecar.demo.world import ROUTES


def test_every_route_has_as_many_remembered_facts_and_no_subject_twice() -> None:
    facts = memory.remembered()
    assert [fact.route for fact in facts] == [
        route for route in ROUTES for _ in range(memory.FACTS_PER_ROUTE)
    ]
    assert len(memory.by_key()) == len(facts)


def test_a_revision_states_other_values_of_the_same_subjects() -> None:
    for known, first, second in zip(
        memory.remembered(), memory.revision(1), memory.revision(2), strict=True
    ):
        assert known.key == first.key == second.key
        assert not contains(first.statement, known.value)


def test_a_revision_is_the_same_each_time() -> None:
    memory.revision.cache_clear()
    first = memory.revision(3)
    memory.revision.cache_clear()
    assert memory.revision(3) == first != memory.revision(4)
