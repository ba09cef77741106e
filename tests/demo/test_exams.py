"""Exams: the same each time, and nothing of them is trained on."""

import pytest

from sidecar.demo import exams, memory
from sidecar.demo.exams import Exam
from sidecar.demo.judge import right
from sidecar.demo.wording import SEEN

by_kind = pytest.mark.parametrize("exam", exams.EXAMS.values(), ids=list(exams.EXAMS))


@by_kind
def test_an_exam_is_the_same_each_time_and_another_seed_gives_another(exam: Exam) -> None:
    assert exams.cases(exam, 5) == exams.cases(exam, 5)
    if exam.documents != 0:
        assert exams.cases(exam, 5) != exams.cases(exam, 5, seed="other")


@by_kind
def test_the_expected_answer_is_right(exam: Exam) -> None:
    assert all(right(case, case.answer) for case in exams.cases(exam, 50))


def test_exams_are_worded_as_no_training_is() -> None:
    texts = " ".join(
        document.text
        for case in exams.cases(exams.EXAMS["10 documents"], 50)
        for document in case.documents
    )
    assert not any(opening in texts for opening in (*SEEN.openings, *SEEN.remarks))


def test_contradicting_documents_state_another_value_than_the_remembered() -> None:
    for case in exams.cases(exams.EXAMS["contradicting"], 150):
        assert case.fact.value != memory.by_key()[case.fact.key].value
