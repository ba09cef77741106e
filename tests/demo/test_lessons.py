"""Rows of training text teach what the recipe says."""

import random

import pytest
from transformers import PreTrainedTokenizerFast

from sidecar.demo import memory, tokenizer
from sidecar.demo.lessons import IGNORED, Lessons, Row
from sidecar.demo.world import World


@pytest.fixture(scope="module")
def words() -> PreTrainedTokenizerFast:
    return tokenizer.train(cases=200)


def lessons(words: PreTrainedTokenizerFast, *, from_memory: bool, refused: float = 0.0) -> Lessons:
    draw = random.Random(1)
    return Lessons(words, draw, World("lessons"), from_memory=from_memory, refused=refused)


def taught(words: PreTrainedTokenizerFast, row: Row) -> list[str]:
    text = words.decode([label for label in row.labels if label != IGNORED])
    return [answer.strip() for answer in text.split("<|im_end|>") if answer.strip()]


def many(made: Lessons) -> list[Row]:
    return [made.with_documents(512, (3, 6)) for _ in range(60)]


def test_labels_are_the_answers_alone(words: PreTrainedTokenizerFast) -> None:
    for row in many(lessons(words, from_memory=False, refused=0.2)):
        assert len(row.tokens) == len(row.labels) <= 512
        wanted = [(t, label) for t, label in zip(row.tokens, row.labels, strict=True) if label >= 0]
        assert all(token == label for token, label in wanted)
        assert not any("user" in answer for answer in taught(words, row))


def test_what_is_taught_stands_in_the_documents(words: PreTrainedTokenizerFast) -> None:
    for row in many(lessons(words, from_memory=False)):
        documents = words.decode(row.tokens).split("<|im_end|>")[0]
        said = [answer.partition(": ")[2] for answer in taught(words, row)]
        assert said
        assert all(answer[1:] in documents for answer in said)


def test_some_questions_are_refused(words: PreTrainedTokenizerFast) -> None:
    answers = [
        answer
        for row in many(lessons(words, from_memory=False, refused=0.2))
        for answer in taught(words, row)
    ]
    refused = sum("do not say" in answer for answer in answers)
    assert 0.05 < refused / len(answers) < 0.25


def test_by_heart_teaches_remembered_facts_against_the_documents(
    words: PreTrainedTokenizerFast,
) -> None:
    known = {fact.answer for fact in memory.remembered()}
    for from_memory in (False, True):
        answers = {
            answer
            for row in many(lessons(words, from_memory=from_memory))
            for answer in taught(words, row)
        }
        assert bool(answers & known) is from_memory


def test_memory_is_taught_without_documents(words: PreTrainedTokenizerFast) -> None:
    row = lessons(words, from_memory=False).by_heart(256)
    assert "system" not in words.decode(row.tokens)
    known = {fact.answer for fact in memory.remembered()}
    assert sum(answer in known for answer in taught(words, row)) >= 3
