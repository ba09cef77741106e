"""Prompts with known answers: read from JSON lines, refused by line and field."""

import json
from pathlib import Path
from typing import Any

import pytest

from sidecar.calibration.prompts import PromptsError, read

DOCUMENTS = [{"id": "a", "text": "Tin costs 4."}, {"id": "b", "text": "Zinc costs 5."}]
PASTED = [{"role": "user", "content": "Tin costs 4. Zinc costs 5.\nWhat does tin cost?"}]
BARE = [{"role": "user", "content": "What does tin cost?"}]


def line(**changes: Any) -> str:
    whole = {"messages": PASTED, "documents": DOCUMENTS, "answer": "costs 4"}
    return json.dumps({name: value for name, value in (whole | changes).items() if value != ...})


def test_pasted_documents_are_only_declared(tmp_path: Path) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text(f"{line()}\n\n{line(messages=BARE)}\n")
    pasted, bare = read(file)
    body = pasted.body({"prompt": "0"})
    assert body["attention"] == {"documents": DOCUMENTS, "sample": True, "tags": {"prompt": "0"}}
    assert body["messages"] == PASTED
    assert "documents" not in body
    assert bare.body({})["documents"] == DOCUMENTS


def test_the_text_of_a_message_may_be_in_parts(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": PASTED[0]["content"]}, {"type": "image_url"}]
    (tmp_path / "p").write_text(line(messages=[{"role": "user", "content": parts}]))
    assert "documents" not in read(tmp_path / "p")[0].body({})


def test_an_answer_is_right_when_it_contains_the_text(tmp_path: Path) -> None:
    (tmp_path / "p").write_text(line())
    [prompt] = read(tmp_path / "p")
    assert prompt.answered_by("It costs 4 crowns.")
    assert not prompt.answered_by("It Costs 4.")


@pytest.mark.parametrize(
    ("answer", "text", "right"),
    [
        ("2 crowns", "It costs 2 crowns.", True),
        ("2 crowns", "2 crowns", True),
        ("2 crowns", "It costs 42 crowns.", False),
        ("2 crowns", "It costs 4.2 crowns.", False),
        ("200", "It costs 1,200 crowns.", False),
        ("4", "It costs 4.50 crowns.", False),
        ("4", "It costs 4.", True),
        ("tin", "It is made of tinfoil.", False),
        ("tin", "It is made of (tin).", True),
        ("$4", "It costs $4.", True),
        ("4元", "锡的价格是4元。", True),
    ],
)
def test_an_answer_stands_in_whole_words(
    tmp_path: Path, answer: str, text: str, right: bool
) -> None:
    documents = [{"id": "a", "text": answer}]
    (tmp_path / "p").write_text(line(messages=BARE, documents=documents, answer=answer))
    [prompt] = read(tmp_path / "p")
    assert prompt.answered_by(text) is right


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("{", "line 1: Invalid JSON"),
        (f"{line()}\n[]", "line 2: Input should be an object"),
        (line(answer=...), "line 1: answer: Field required"),
        (line(answer=""), "line 1: answer: String should have at least 1 character"),
        (line(documents=[]), "line 1: documents: List should have at least 1 item"),
        (line(documents=[{"id": "a"}]), "line 1: documents.0.text: Field required"),
        (line(answer="costs 6"), "line 1: answer: 'costs 6' stands in none of the documents"),
        (line(answer="osts 4"), "line 1: answer: 'osts 4' stands in none of the documents"),
        (f"{line()}\n\n{line()}", "line 3: asks the same as line 1; every prompt should differ"),
        (f"{line()}\n{line(answer='costs 5')}", "line 2: asks the same as line 1"),
        (line(gold=1), "line 1: gold: Extra inputs are not permitted"),
        (
            line(documents=[*DOCUMENTS, {"id": "c", "text": "Lead."}]),
            "line 1: documents: the text of 'c' is in no message, others' texts are; paste all",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text(text)
    with pytest.raises(PromptsError) as error:
        read(file)
    assert str(error.value).startswith(repr(str(file)))
    assert told in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PromptsError, match=r"none.* No such file"):
        read(tmp_path / "none")
    (tmp_path / "p").write_bytes(b"\xff")
    with pytest.raises(PromptsError, match="not UTF-8"):
        read(tmp_path / "p")
