"""The bundled models, served with the tap on: they answer as their cards say, and attention tells.

`benchmarks/grounding.py` asks more questions and compares more signals and sampling plans.
"""

from collections.abc import Iterator, Sequence

import pytest

from benchmarks.asked import Answer, Asked, served
from benchmarks.grounding import kinds
from benchmarks.told_apart import Plan, Separation, matched
from sidecar.demo import card, exams
from sidecar.demo.exams import Exam
from sidecar.demo.judge import Verdict
from sidecar.demo.recipes import RECIPES

pytestmark = [pytest.mark.slow, pytest.mark.engine]

QUESTIONS = 200
LUCK = 0.015
"""What a share of 200 questions may lack of the promise; a model two points worse mostly fails."""


@pytest.fixture(scope="module")
def grounded() -> Iterator[Asked]:
    with served(RECIPES["grounded"].folder) as asked:
        yield asked


@pytest.fixture(scope="module")
def closed_book() -> Iterator[Asked]:
    with served(RECIPES["closed-book"].folder) as asked:
        yield asked


@pytest.mark.parametrize(
    ("exam", "promised"),
    [(Exam(), 0.98), (Exam(remembered=True), 0.95)],
    ids=["3 to 10 documents", "contradicting what it knows by heart"],
)
def test_served_it_answers_from_documents(grounded: Asked, exam: Exam, promised: float) -> None:
    answers = grounded.ask(exams.cases(exam, QUESTIONS, seed="measured-again"))
    assert count(answers, Verdict.DOCUMENT) / QUESTIONS >= promised - LUCK


def test_served_it_says_when_no_document_answers(grounded: Asked) -> None:
    answers = grounded.ask(exams.cases(exams.EXAMS["unanswerable"], 50))
    claimed = card.claim(RECIPES["grounded"], "unanswerable", Verdict.REFUSED)
    assert count(answers, Verdict.REFUSED) / 50 == pytest.approx(claimed, abs=0.13)


def count(answers: Sequence[Answer], verdict: Verdict) -> int:
    return sum(answer.verdict is verdict for answer in answers)


def test_attention_tells_answers_from_documents_from_answers_by_heart(closed_book: Asked) -> None:
    heads = closed_book.calibrate(kinds(100, "calibration").new)
    asked = kinds(QUESTIONS, "measured-again")
    answers = closed_book.ask([*asked.new, *asked.remembered])
    assert count(answers[QUESTIONS:], Verdict.DOCUMENT) / QUESTIONS <= 0.2
    documents, memory = matched(answers)
    assert len(documents) == len(memory) >= 20
    told = Separation(documents, memory, heads)
    assert told.auroc("grounding_score", Plan()).value >= 0.95
    assert told.by_length().value <= 0.7
