"""What the tests of spans share."""

from functools import cache
from typing import Any

import numpy as np

from sidecar.schema import ROLES
from sidecar.tap.request import WorkerRequest, parse
from sidecar.tap.spans import SpanFinder, Spans
from sidecar.tap.spans.pieces import Pieces
from tests.tap import toy_tokenizers as toys

OPENING = "Read these passages before you answer: "
PASSAGES = (
    "The lighthouse keeper wrote down the wind, the weather and every ship that passed.",
    "Copper conducts heat about twice as well as aluminium does.",
    "Mountains slow the rain: the windward side is wet, the lee side dry.",
)


@cache
def finder(family: str = "byte-level", template: str = toys.CHATML) -> SpanFinder:
    return SpanFinder(toys.tokenizer(family, template))


@cache
def pieces(family: str = "byte-level") -> Pieces:
    return Pieces(toys.tokenizer(family))


def encoded(text: str, family: str = "byte-level") -> list[int]:
    return list(toys.tokenizer(family).encode(text, add_special_tokens=False))


def decoded(token_ids: list[int], family: str = "byte-level") -> str:
    data, _ = pieces(family).join(np.asarray(token_ids, np.int64))
    return data.decode(errors="replace")


def asks(*documents: dict[str, Any]) -> WorkerRequest:
    return WorkerRequest(documents=parse({"documents": list(documents)}).documents)


def by_text(*texts: str) -> WorkerRequest:
    """Documents `0`, `1`, … by their texts."""
    return asks(*({"id": str(number), "text": text} for number, text in enumerate(texts)))


def segments(spans: Spans) -> list[tuple[int, int, str]]:
    """Start, end, and the document's id or else the role."""
    names = [source or role for source, role in zip(spans.sources, spans.roles, strict=True)]
    return list(zip(spans.starts.tolist(), spans.ends.tolist(), names, strict=True))


def text_of(source: str, spans: Spans, token_ids: list[int], family: str = "byte-level") -> str:
    """Text of a document's tokens."""
    start, end = next((a, b) for a, b, name in segments(spans) if name == source)
    return decoded(token_ids[start:end], family)


def check(spans: Spans, length: int) -> None:
    """The promises that hold for every prompt and request."""
    assert spans.starts.dtype == spans.ends.dtype == np.int32
    covered = [p for start, end, _ in segments(spans) for p in range(start, end)]
    assert covered == list(range(length))
    assert all(start < end for start, end, _ in segments(spans))
    assert set(spans.roles) <= set(ROLES)
    assert all(
        role == "context" or source == ""
        for role, source in zip(spans.roles, spans.sources, strict=True)
    )
    assert spans.documents_declared == spans.documents_found + len(spans.failures)
    assert (spans.method == "none") == (spans.documents_found == 0)
