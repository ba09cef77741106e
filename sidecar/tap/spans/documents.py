"""Find the documents that a request names: by their token ranges, or by their own text."""

from collections import defaultdict
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

import numpy as np

from sidecar.tap.attention_field import Document
from sidecar.tap.spans.claims import Claims
from sidecar.tap.spans.reasons import Reason
from sidecar.tap.spans.text import IntArray, Text, folded

SHORT = 24
"""Characters below which a text that occurs more often than it is declared says nothing."""


class Place(NamedTuple):
    """Where a document is: prompt tokens ``[start, end)``."""

    source: str
    start: int
    end: int
    explicit: bool = False


class Prompt(NamedTuple):
    """A prompt as bytes, with the offset of each token."""

    token_ids: IntArray
    data: bytes
    offsets: IntArray

    def tokens(self, start: int, end: int) -> tuple[int, int]:
        """Tokens that overlap bytes ``[start, end)``."""
        first = np.searchsorted(self.offsets[1:], start, side="right")
        return int(first), int(np.searchsorted(self.offsets[:-1], end, side="left"))


class Search:
    """Finds documents in one prompt; each either gets a place or a reason in ``failures``."""

    def __init__(self, prompt: Prompt) -> None:
        self.places: list[Place] = []
        self.failures: list[Reason] = []
        self._prompt = prompt
        self._claims = Claims()

    def by_range(self, documents: list[Document]) -> list[Document]:
        """Place the documents that have a range; returns the others."""
        for document in documents:
            if document.range is None:
                continue
            start, end = document.range
            if end > len(self._prompt.token_ids):
                self.failures.append("out_of_range")
                continue
            self.places.append(Place(document.id, start, end, explicit=True))
            first, after = self._prompt.offsets[[start, end]].tolist()
            if first < after:
                self._claims.add(first, after)
        return [document for document in documents if document.range is None]

    def by_text(self, documents: list[Document], reread: Callable[[str], str] | None) -> None:
        """Place documents by text: exactly, then up to white space and NFC.

        ``reread`` gives a text as a tokenizer that changes text writes it; None when it does not.
        """
        empty = [document for document in documents if not (document.text or "").strip()]
        self.failures += ["empty"] * len(empty)
        rest = [document for document in documents if (document.text or "").strip()]
        text = Text.of(self._prompt.data)
        rest = self._pass(text, rest, str)
        if rest:
            text = text.folded()
            rest = self._pass(text, rest, folded)
        if rest and reread:
            rest = self._pass(text, rest, lambda needle: folded(reread(needle)))
        self.failures += [self._reason(text, document) for document in rest]

    def _pass(
        self, text: Text, documents: list[Document], form: Callable[[str], str]
    ) -> list[Document]:
        """Give identical texts their occurrences in order, long texts first; returns the rest."""
        alike: dict[str, list[Document]] = defaultdict(list)
        for document in documents:
            alike[form(document.text or "")].append(document)
        rest: list[Document] = []
        for needle in sorted(filter(None, alike), key=len, reverse=True):
            rest += self._place_alike(text, needle, alike[needle])
        return rest + alike.get("", [])

    def _place_alike(self, text: Text, needle: str, documents: list[Document]) -> list[Document]:
        spots = list(islice(self._claims.free(text, needle), len(documents) + 1))
        if len(needle) < SHORT and len(spots) > len(documents):
            self.failures += ["ambiguous"] * len(documents)
            return []
        for document, (start, end) in zip(documents, spots, strict=False):
            self._claims.add(start, end)
            self.places.append(Place(document.id, *self._prompt.tokens(start, end)))
        return documents[len(spots) :]

    def _reason(self, text: Text, document: Document) -> Reason:
        return "overlap" if folded(document.text or "") in text.characters else "not_in_prompt"
