"""Verdicts on answers."""

import pytest

from sidecar.calibration.words import contains
from sidecar.demo import memory
from sidecar.demo.judge import Verdict, judge, right
from sidecar.demo.world import World


def test_an_answer_follows_the_document_the_memory_or_neither() -> None:
    known = memory.remembered()[0]
    world = World("judge")
    case = world.case(about=world.revised(known))
    said = {
        case.answer: Verdict.DOCUMENT,
        known.statement: Verdict.MEMORY,
        case.fact.refusal: Verdict.REFUSED,
        "I like trains.": Verdict.OTHER,
    }
    assert {answer: judge(case, answer) for answer in said} == said
    assert [right(case, answer) for answer in said] == [True, False, False, False]


def test_refusing_is_right_when_no_document_answers() -> None:
    case = World("judge").case(answerable=False)
    assert right(case, case.fact.refusal)
    assert not right(case, case.fact.statement)


@pytest.mark.parametrize(
    ("value", "answer", "stated"),
    [
        ("2 crowns", "It costs 42 crowns.", False),
        ("42 crowns", "It costs 42 crowns.", True),
        ("7:40", "It opens at 17:40.", False),
        ("room 212", "It is room 2124.", False),
    ],
)
def test_a_value_is_stated_as_whole_words(value: str, answer: str, stated: bool) -> None:
    assert contains(answer, value) is stated
