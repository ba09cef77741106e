"""The prompts of a calibration: a JSON object a line, with what a right answer contains."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sidecar.calibration.words import contains

Text = Annotated[str, Field(min_length=1)]


class PromptsError(ValueError):
    """The file cannot be used; the message names the line and the field."""


class Document(BaseModel):
    """A retrieved document."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Text
    text: Text


class Prompt(BaseModel):
    """A conversation whose last turn asks, its documents, and the text that answers.

    Either every document's text is pasted in the messages, or none is: then the documents go to
    the chat API's own field as well, for the chat template to print.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    messages: Annotated[list[dict[str, Any]], Field(min_length=1)]
    documents: Annotated[list[Document], Field(min_length=1)]
    answer: Text

    @model_validator(mode="after")
    def _all_or_none_pasted(self) -> Self:
        pasted = self._pasted()
        if len(set(pasted)) > 1:
            missing = self.documents[pasted.index(False)].id
            raise ValueError(
                f"documents: the text of {missing!r} is in no message, others' texts are; "
                "paste all of them, or none"
            )
        return self

    @model_validator(mode="after")
    def _answer_documented(self) -> Self:
        if not any(contains(document.text, self.answer) for document in self.documents):
            raise ValueError(f"answer: {self.answer!r} stands in none of the documents")
        return self

    @property
    def question(self) -> str:
        """All that the model is given, by which prompts are told apart."""
        return self.model_dump_json(include={"messages", "documents"})

    def _pasted(self) -> list[bool]:
        text = "\n".join(_text(message.get("content")) for message in self.messages)
        return [document.text in text for document in self.documents]

    def body(self, tags: dict[str, str]) -> dict[str, Any]:
        """What is asked for of the chat API, and the field `attention`."""
        documents = [document.model_dump() for document in self.documents]
        attention = {"documents": documents, "sample": True, "tags": tags}
        body: dict[str, Any] = {"messages": self.messages, "attention": attention}
        if not self._pasted()[0]:
            body["documents"] = documents
        return body

    def answered_by(self, text: str) -> bool:
        """Whether a text contains the answer, letter by letter and as whole words."""
        return contains(text, self.answer)


def read(path: Path) -> list[Prompt]:
    """The prompts of a file, no two alike; empty lines are left out. Raises PromptsError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise PromptsError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise PromptsError(f"{str(path)!r} is not UTF-8: {error}") from None
    prompts = {n: _prompt(path, n, line) for n, line in enumerate(lines, 1) if line.strip()}
    if not prompts:
        raise PromptsError(f"{str(path)!r} is empty: expected a JSON object a line")
    _demand_different(path, prompts)
    return list(prompts.values())


def _demand_different(path: Path, prompts: dict[int, Prompt]) -> None:
    """Each prompt counts as one more independent observation, which the same one again is not."""
    first: dict[str, int] = {}
    for number, prompt in prompts.items():
        same = first.setdefault(prompt.question, number)
        if same != number:
            raise PromptsError(
                f"{str(path)!r} line {number}: asks the same as line {same}; every prompt should "
                "differ from the others in messages or documents"
            )


def _prompt(path: Path, number: int, line: str) -> Prompt:
    try:
        return Prompt.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        where = f"{str(path)!r} line {number}"
        raise PromptsError(f"{where}: {f'{field}: ' if field else ''}{message}") from None


def _text(content: Any) -> str:
    """The text of a message, whose content may be a list of parts."""
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
