"""Token ids to bytes, from a table made once, for any tokenizer.

Decoding one token at a time is not what decoders are made for: they merge bytes and eat spaces. So
the vocabulary's own alphabet is read instead, and a round trip tells whether that is faithful.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sidecar.tap.spans.text import folded

PROBES = (
    "Naïve café — 12.5 % of “quotes”, It's\n\n\ttabs  and   spaces; ﬁne Straße 日本語 🙂 end.",
    "It's 12.5 % of SOME words,\n\n\ttabs  and   spaces; (end).",
)
"""Texts that a spelling must reproduce: all that can go wrong, and the least that must go right."""

IntArray = npt.NDArray[np.int64]


class Pieces:
    """The bytes of each token.

    ``form`` is how the vocabulary spells them: `byte-level`, `metaspace`, `wordpiece`, `plain`, or
    `decoded` where only the decoder knows. ``faithful`` says whether text comes back as it went in,
    up to white space and NFC.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._vocabulary: dict[Any, int] = tokenizer.get_vocab()
        self._unknown = max(self._vocabulary.values(), default=-1) + 1
        self.form, self.faithful = self._try_forms()
        self._spell_as(self.form)

    def _try_forms(self) -> tuple[str, bool]:
        forms = _likely_forms(self._vocabulary)
        for probe in PROBES:
            for form in forms:
                self._spell_as(form)
                if folded(self.as_tokenized(probe)) == folded(probe):
                    return form, probe == PROBES[0]
        return forms[0], False

    def _spell_as(self, form: str) -> None:
        spell = _SPELLINGS.get(form) or _decoded(self._tokenizer)
        self._table = [b""] * (self._unknown + 1)
        for token, token_id in self._vocabulary.items():
            self._table[token_id] = token if isinstance(token, bytes) else spell(token)
        for token_id, added in getattr(self._tokenizer, "added_tokens_decoder", {}).items():
            self._table[token_id] = str(added).encode()
        self._lengths = np.fromiter(map(len, self._table), np.int64, len(self._table))

    def join(self, token_ids: IntArray) -> tuple[bytes, IntArray]:
        """Text of a prompt and where each token begins in it: ``n + 1`` offsets for n tokens.

        Ids outside the vocabulary, as multimodal engines use, have no bytes.
        """
        known = token_ids
        if (outside := (known < 0) | (known >= self._unknown)).any():
            known = np.where(outside, self._unknown, known)
        offsets = np.zeros(len(known) + 1, np.int64)
        np.cumsum(self._lengths[known], out=offsets[1:])
        return b"".join(map(self._table.__getitem__, known.tolist())), offsets

    def as_tokenized(self, text: str) -> str:
        """A text as it reads after tokenisation."""
        token_ids = self._tokenizer.encode(text, add_special_tokens=False)
        data, _ = self.join(np.asarray(token_ids, np.int64))
        return data.decode(errors="replace")


def _likely_forms(vocabulary: dict[Any, int]) -> list[str]:
    """Forms by how many tokens begin with their mark; those without a mark come last."""
    marks = {"byte-level": "Ġ", "metaspace": "▁", "wordpiece": "##"}
    tokens = [token for token in vocabulary if isinstance(token, str)]
    counts = {form: sum(t.startswith(mark) for t in tokens) for form, mark in marks.items()}
    marked = sorted(filter(counts.__getitem__, counts), key=counts.__getitem__, reverse=True)
    return [*marked, "plain", "decoded"] if marked else ["decoded", "plain"]


def _byte_alphabet() -> dict[str, int]:
    """The printable stand-ins that byte-level vocabularies use for bytes.

    Bytes that Latin-1 prints stand for themselves; the others, in order, for U+0100 onwards
    (Radford et al. 2019).
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {
        chr(0x100 + number): byte for number, byte in enumerate(others)
    }


_ALPHABET = _byte_alphabet()


def _byte_level(token: str) -> bytes:
    try:
        return bytes(map(_ALPHABET.__getitem__, token))
    except KeyError:
        return token.encode()


def _metaspace(token: str) -> bytes:
    if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
        return bytes.fromhex(token[3:5])
    return token.replace("▁", " ").encode()


def _wordpiece(token: str) -> bytes:
    return (token[2:] if token.startswith("##") else f" {token}").encode()


_SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "byte-level": _byte_level,
    "metaspace": _metaspace,
    "wordpiece": _wordpiece,
    "plain": str.encode,
}


def _decoded(tokenizer: Any) -> Callable[[str], bytes]:
    def spell(token: str) -> bytes:
        return str(tokenizer.decode([tokenizer.convert_tokens_to_ids(token)])).encode()

    return spell
