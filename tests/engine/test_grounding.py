"""The bundled models, served with the tap on: they answer as their cards say, and attention tells.

`benchmarks/grounding.py` asks more questions and compares more signals and sampling plans.
"""

from collections.abc import Iterator, Sequence

import pytest

from benchmarks.asked import Answer, Asked, served
from benchmarks.grounding import kinds
from benchmarks.told_apart import Plan, Separation, matched
from sidecar.demo import card, exams
from sidecar.demo.judge import Verdict
from sidecar.demo.recipes import RECIPES

pytestmark = [pytest.mark.slow, pytest.mark.engine]


@pytest.fixture(scope="module")
def grounded() -> Iterator[Asked]:
    with served(RECIPES["grounded"].folder) as asked:
        yield asked


@pytest.fixture(scope="module")
def closed_book() -> Iterator[Asked]:
    with served(RECIPES["closed-book"].folder) as asked:
        yield asked


@pytest.mark.parametrize(
    ("exam", "verdict"),
    [
        ("3 documents", Verdict.DOCUMENT),
        ("10 documents", Verdict.DOCUMENT),
        ("contradicting", Verdict.DOCUMENT),
        ("unanswerable", Verdict.REFUSED),
    ],
)
def test_served_it_does_as_well_as_its_card_says(
    grounded: Asked, exam: str, verdict: Verdict
) -> None:
    answers = grounded.ask(exams.cases(exams.EXAMS[exam], 50))
    claimed = card.claim(RECIPES["grounded"], exam, verdict)
    assert share(answers, verdict) == pytest.approx(claimed, abs=0.13)


def share(answers: Sequence[Answer], verdict: Verdict) -> float:
    return sum(answer.verdict is verdict for answer in answers) / len(answers)


def test_attention_tells_answers_from_documents_from_answers_by_heart(closed_book: Asked) -> None:
    heads = closed_book.calibrate(kinds(100, "calibration").new)
    asked = kinds(120, "told-apart")
    answers = closed_book.ask([*asked.new, *asked.remembered])
    read = share(answers[120:], Verdict.DOCUMENT)
    claimed = card.claim(RECIPES["closed-book"], "contradicting", Verdict.DOCUMENT)
    assert read == pytest.approx(claimed, abs=0.1)
    documents, memory = matched(answers)
    assert len(documents) == len(memory) >= 20
    told = Separation(documents, memory, heads)
    assert told.auroc("grounding_score", Plan()).value >= 0.9
    assert told.by_length().value <= 0.7
