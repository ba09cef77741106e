"""Token ids to bytes, from a table made once, for any tokenizer.

Decoding one token at a time is not what decoders are made for: they merge bytes and eat spaces. So
the vocabulary's own alphabet is read instead, and a round trip tells whether that is faithful.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sidecar.tap.spans.text import folded

PROBE = "Naïve café — 12.5 % of “quotes”, It's\n\n\ttabs  and   spaces; ﬁne Straße 日本語 🙂 end."

IntArray = npt.NDArray[np.int64]


class Pieces:
    """The bytes of each token.

    ``form`` is how the vocabulary spells them: `byte-level`, `metaspace`, `wordpiece`, `decoded`.
    ``faithful`` says whether text comes back as it went in, up to white space and NFC.
    """

    def __init__(self, tokenizer: Any) -> None:
        vocabulary: dict[Any, int] = tokenizer.get_vocab()
        self._tokenizer = tokenizer
        self.form = _form(vocabulary)
        spell = _decoded(tokenizer) if self.form == "decoded" else _SPELLINGS[self.form]
        self._unknown = max(vocabulary.values(), default=-1) + 1
        self._table = [b""] * (self._unknown + 1)
        for token, token_id in vocabulary.items():
            self._table[token_id] = token if isinstance(token, bytes) else spell(token)
        for token_id, added in getattr(tokenizer, "added_tokens_decoder", {}).items():
            self._table[token_id] = str(added).encode()
        self._lengths = np.fromiter(map(len, self._table), np.int64, len(self._table))
        self.faithful = folded(self.as_tokenized(PROBE)) == folded(PROBE)

    def join(self, token_ids: IntArray) -> tuple[bytes, IntArray]:
        """Text of a prompt and where each token begins in it: ``n + 1`` offsets for n tokens.

        Ids outside the vocabulary, as multimodal engines use, have no bytes.
        """
        outside = (token_ids < 0) | (token_ids >= self._unknown)
        known = np.where(outside, self._unknown, token_ids)
        offsets = np.zeros(len(known) + 1, np.int64)
        np.cumsum(self._lengths[known], out=offsets[1:])
        return b"".join(map(self._table.__getitem__, known.tolist())), offsets

    def as_tokenized(self, text: str) -> str:
        """A text as it reads after tokenisation."""
        token_ids = self._tokenizer.encode(text, add_special_tokens=False)
        data, _ = self.join(np.asarray(token_ids, np.int64))
        return data.decode(errors="replace")


def _form(vocabulary: dict[Any, int]) -> str:
    marks = {"byte-level": "Ġ", "metaspace": "▁", "wordpiece": "##"}
    tokens = [token for token in vocabulary if isinstance(token, str)]
    counts = {form: sum(t.startswith(mark) for t in tokens) for form, mark in marks.items()}
    best = max(counts, key=counts.__getitem__)
    return best if counts[best] else "decoded"


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
}


def _decoded(tokenizer: Any) -> Callable[[str], bytes]:
    def spell(token: str) -> bytes:
        return str(tokenizer.decode([tokenizer.convert_tokens_to_ids(token)])).encode()

    return spell
