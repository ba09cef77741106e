"""The body field `attention` and its rules."""

import reprlib
from collections import Counter
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from sidecar.config import Engine

MAX_DOCUMENTS: int = Engine.model_fields["max_documents"].default
TEXT_LENGTH = 1_000_000
"""Characters that the documents' texts may have together."""
NAME_LENGTH = 256
"""Characters that an id, a tag's name or its value may have."""
TAGS = 32
LAST_POSITION = 2**31 - 1


def excerpt(value: object) -> str:
    """A short repr, whatever the size of the value."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = 60
    short.maxlevel, short.maxdict, short.maxlist = 2, 4, 3
    try:
        return short.repr(value)
    except ValueError:
        return "a number of too many digits"


def _number_as_text(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value) if abs(value) < 2**64 else value
    if not isinstance(value, str):
        raise PydanticCustomError("label", "must be a string or a number")
    return value


def _unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        message = "must be Unicode text without lone surrogates"
        raise PydanticCustomError("unicode", message) from None
    return text


_Unicode = AfterValidator(_unicode)
_Number = BeforeValidator(_number_as_text)

Text = Annotated[str, _Unicode]
Name = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH), _Unicode]
Identifier = Annotated[Name, _Number]
TagValue = Annotated[str, Field(max_length=NAME_LENGTH), _Unicode, _Number]
Position = Annotated[int, Field(ge=0, le=LAST_POSITION)]


class Document(BaseModel):
    """A retrieved document: its text, or its range of prompt tokens. Attributes are left behind."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    id: Identifier
    text: Text | None = None
    start: Position | None = None
    end: Position | None = None

    @property
    def range(self) -> tuple[int, int] | None:
        """The explicit token range ``[start, end)``, if the document was given by one."""
        return None if self.start is None or self.end is None else (self.start, self.end)

    @model_validator(mode="after")
    def _text_or_range(self) -> Self:
        ends = (self.start is not None) + (self.end is not None)
        if ends == 1 or (self.text is None) == (ends == 0):
            raise PydanticCustomError("range", "needs either 'text' or both 'start' and 'end'")
        if self.range and self.range[1] <= self.range[0]:
            raise PydanticCustomError("range", "'end' must be greater than 'start'")
        return self


class AttentionRequest(BaseModel):
    """The body field `attention`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    sample: bool | None = None
    """Always or never sample this request; None leaves it to the rate."""
    documents: list[Document] = []
    tags: Annotated[dict[Name, TagValue], Field(max_length=TAGS)] = {}

    @model_validator(mode="after")
    def _documents_agree(self) -> Self:
        _check_ids(self.documents)
        _check_length(self.documents)
        _check_overlaps(self.documents)
        return self


def _check_ids(documents: list[Document]) -> None:
    for name, times in Counter(document.id for document in documents).items():
        if times > 1:
            raise _disagreement("documents", f"ids must be unique, {excerpt(name)} is there twice")


def _check_length(documents: list[Document]) -> None:
    length = sum(len(document.text or "") for document in documents)
    if length > TEXT_LENGTH:
        raise _disagreement(
            "documents",
            f"texts may have {TEXT_LENGTH:,} characters together, they have {length:,}",
        )


def _check_overlaps(documents: list[Document]) -> None:
    ranges = sorted((document.range, document.id) for document in documents if document.range)
    for (before, one), (after, other) in pairwise(ranges):
        if after[0] < before[1]:
            raise _disagreement(
                "documents",
                f"ranges must not overlap, {excerpt(one)} is [{before[0]}, {before[1]}) and "
                f"{excerpt(other)} is [{after[0]}, {after[1]})",
            )


def _disagreement(where: str, message: str) -> PydanticCustomError:
    return PydanticCustomError("disagreement", "{message}", {"where": where, "message": message})
