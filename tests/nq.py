"""Real retrieval prompts: Natural Questions with their passage among nine others."""

import gzip
import json
import random
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

_FILE = Path(__file__).parents[2] / "shared" / "data" / "nq-open.jsonl.gz"
_PASSAGES = 10


class Case(NamedTuple):
    """A question and its documents, each with `id`, `title` and `text`."""

    question: str
    documents: list[dict[str, str]]


def prompts(n: int, seed: int = 0) -> list[Case]:
    """``n`` cases of ten passages in random order; skips the test where the data is not there."""
    rows = _rows()
    chance = random.Random(seed)
    return [_case(rows, number, chance) for number in chance.sample(range(len(rows)), n)]


def messages(case: Case) -> list[dict[str, str]]:
    """A chat request that prints the documents before the question."""
    printed = [
        f"Document [{number}](Title: {document['title']}) {document['text']}"
        for number, document in enumerate(case.documents, start=1)
    ]
    asked = "\n".join([*printed, "", f"Question: {case.question}"])
    return [
        {"role": "system", "content": "Answer from the documents alone."},
        {"role": "user", "content": asked},
    ]


def attention(case: Case) -> dict[str, list[dict[str, str]]]:
    """The body field `attention` that names the documents by their text."""
    return {"documents": [{"id": d["id"], "text": d["text"]} for d in case.documents]}


def texts(n: int) -> list[str]:
    """Passages to train a tokenizer on."""
    return [row["text"] for row in _rows()[:n]]


def available() -> bool:
    """Whether the data is there."""
    return _FILE.is_file()


def _case(rows: list[dict[str, str]], number: int, chance: random.Random) -> Case:
    others = [other for other in range(len(rows)) if other != number]
    chosen = [number, *chance.sample(others, _PASSAGES - 1)]
    chance.shuffle(chosen)
    documents = [
        {"id": f"nq-{row}", "title": rows[row]["title"], "text": rows[row]["text"]}
        for row in chosen
    ]
    return Case(rows[number]["question"], documents)


@cache
def _rows() -> list[dict[str, str]]:
    if not available():
        pytest.skip("the Natural Questions passages are not beside this checkout")
    with gzip.open(_FILE, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
