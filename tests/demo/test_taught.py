"""What a training has shown is read again from its seed, and asked around."""

from dataclasses import replace

import pytest

from sidecar.demo import taught, tokenizer
from sidecar.demo.curriculum import GROUNDED, Curriculum
from sidecar.demo.exams import Exam, cases
from sidecar.demo.recipes import RECIPES

SHORT = Curriculum((replace(GROUNDED.stages[2], steps=2, repetition=0.0),))


def test_texts_are_those_of_the_batches() -> None:
    words = tokenizer.load(RECIPES["grounded"].folder)
    rows = list(taught.texts(words, SHORT, seed=3))
    assert len(rows) == SHORT.steps * (SHORT.stages[0].tokens // SHORT.stages[0].length)
    assert rows == list(taught.texts(words, SHORT, seed=3))
    assert all(row.startswith("<|im_start|>system") and row == row.lower() for row in rows)


def test_a_subject_that_was_shown_is_not_new(monkeypatch: pytest.MonkeyPatch) -> None:
    exam = Exam(3)
    first, second, third = cases(exam, 3, seed="x")
    shown = [first.fact.statement.lower(), "between", second.fact.question.lower()]
    monkeypatch.setattr(taught, "texts", lambda *_: iter(shown))
    assert taught.new_subjects(exam, 1, seed="x") == [third]
