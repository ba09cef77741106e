"""The invented world: the same for a seed, and every question has one document that answers."""

from collections import Counter

import pytest

from sidecar.calibration.words import contains
from sidecar.demo.templates import ROUTES as ATTRIBUTES
from sidecar.demo.wording import SEEN, UNSEEN, Wording
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
        assert case.gold is not None
        assert case.fact.statement[1:] in case.documents[case.gold].text
        assert case.answer == f"{case.fact.topic}: {case.fact.statement}"
        assert case.fact.value in case.answer


def test_no_other_document_answers_the_question() -> None:
    for case in cases(6, 400):
        asked = [(one.fact.entity, one.fact.kind) for one in case.documents]
        assert asked.count((case.fact.entity, case.fact.kind)) == 1


def test_the_question_names_the_entity_but_not_the_value() -> None:
    for case in cases(7, 400):
        assert case.fact.entity in case.question
        assert not contains(case.question, case.fact.value)


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


def test_without_an_answer_no_document_is_about_the_question() -> None:
    world = World(12)
    for _ in range(200):
        case = world.case(answerable=False)
        assert case.gold is None
        assert case.fact.key not in [document.fact.key for document in case.documents]
        assert case.fact.entity[1:] in case.answer
        assert case.fact.value not in case.answer


def test_a_case_can_be_about_a_given_fact() -> None:
    world = World(13)
    fact = world.case().fact
    for _ in range(20):
        case = world.case(about=fact, documents=4)
        assert case.gold is not None
        assert case.fact == fact == case.documents[case.gold].fact


def test_a_revised_fact_has_the_same_subject_and_another_value() -> None:
    world = World(14)
    for _ in range(200):
        fact = world.case().fact
        revised = world.revised(fact)
        assert revised.key == fact.key
        assert not contains(revised.statement, fact.value)


def text_of(world: World) -> str:
    drawn = [world.case(remarks=(0, 2)) for _ in range(200)]
    return " ".join(
        f"{document.text} {case.question}" for case in drawn for document in case.documents
    )


@pytest.mark.parametrize(("wording", "other"), [(SEEN, UNSEEN), (UNSEEN, SEEN)])
def test_statements_can_be_surrounded_as_in_no_training(wording: Wording, other: Wording) -> None:
    text = text_of(World(15, wording))
    assert all(part in text for part in parts(wording))
    assert not any(part in text for part in parts(other))


def parts(wording: Wording) -> list[str]:
    return [*wording.openings, *wording.remarks, *wording.requests, *wording.asides]


def test_more_remarks_make_longer_documents() -> None:
    world = World(16)
    short, long = (
        sum(len(d.text) for _ in range(50) for d in world.case(documents=4, remarks=r).documents)
        for r in ((0, 1), (2, 4))
    )
    assert long > 1.5 * short
