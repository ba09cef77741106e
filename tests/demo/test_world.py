"""The invented world: the same for a seed, and every question has one document that answers."""

from collections import Counter

import pytest

from sidecar.demo.templates import ROUTES as ATTRIBUTES
from sidecar.demo.world import FEWEST_DOCUMENTS, MOST_DOCUMENTS, ROUTES, Case, World


def cases(seed: int, count: int) -> list[Case]:
    world = World(seed)
    return [world.case() for _ in range(count)]


def test_equal_seeds_give_equal_worlds_and_others_do_not() -> None:
    assert cases(3, 20) == cases(3, 20)
    assert cases(3, 20) != cases(4, 20)


def test_the_answer_is_in_the_gold_document_and_in_no_other() -> None:
    for case in cases(5, 400):
        holders = [n for n, one in enumerate(case.documents) if case.fact.value in one.text]
        assert holders == [case.gold]
        assert case.answer in case.documents[case.gold].text
        assert case.fact.value in case.answer


def test_no_other_document_answers_the_question() -> None:
    for case in cases(6, 400):
        asked = [(one.fact.entity, one.fact.kind) for one in case.documents]
        assert asked.count((case.fact.entity, case.fact.kind)) == 1


def test_the_question_names_the_entity_but_not_the_value() -> None:
    for case in cases(7, 400):
        assert case.fact.entity in case.question
        assert case.fact.value not in case.question


def test_distractors_share_the_entity_or_the_attribute() -> None:
    shared = Counter[str]()
    for case in cases(8, 200):
        others = [one.fact for n, one in enumerate(case.documents) if n != case.gold]
        shared["entity"] += any(one.entity == case.fact.entity for one in others)
        shared["attribute"] += any(one.kind == case.fact.kind for one in others)
        shared["cases"] += 1
    assert min(shared.values()) > 0.3 * shared["cases"]


def test_cases_cover_routes_document_counts_and_gold_positions() -> None:
    drawn = cases(9, 600)
    assert {case.route for case in drawn} == set(ROUTES)
    counts = {len(case.documents) for case in drawn}
    assert counts == set(range(FEWEST_DOCUMENTS, MOST_DOCUMENTS + 1))
    assert {case.gold for case in drawn} == set(range(MOST_DOCUMENTS))


def test_document_ids_are_distinct() -> None:
    ids = [document.id for case in cases(10, 200) for document in case.documents]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_and_a_count_can_be_asked_for(route: str) -> None:
    case = World(11).case(route=route, documents=5)
    assert (case.route, len(case.documents)) == (route, 5)


def test_templates_of_a_route_are_unambiguous() -> None:
    for attributes in ATTRIBUTES.values():
        texts = Counter(one for a in attributes for one in (*a.statements, *a.questions))
        assert max(texts.values()) == 1
        assert len({a.kind for a in attributes}) == len(attributes)
