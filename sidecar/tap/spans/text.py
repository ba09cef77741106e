"""Text that knows which bytes of the prompt its characters come from."""

import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

_SPACES = np.zeros(0x3002, bool)
_SPACES[[code for code in range(0x3001) if chr(code).isspace()]] = True
_UTF32 = ("utf-32-le", "surrogatepass")


def folded(text: str) -> str:
    """A text in NFC, runs of white space as one space and none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())


@dataclass(frozen=True)
class Text:
    """Characters, and the bytes ``[starts[i], ends[i])`` that the i-th stands for."""

    characters: str
    starts: IntArray
    ends: IntArray

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Decode UTF-8; a byte that is not part of any becomes a lone surrogate."""
        characters = data.decode("utf-8", "surrogateescape")
        edges = np.arange(len(characters) + 1)
        if len(characters) < len(data):
            np.cumsum(_utf8_lengths(_codes(characters)), out=edges[1:])
        return cls(characters, edges[:-1], edges[1:])

    def folded(self) -> "Text":
        """The same in the form that `folded` gives a needle; ends may keep one space."""
        text = self._composed()
        codes = _codes(text.characters)
        space = _SPACES[np.minimum(codes, len(_SPACES) - 1)]
        keep = ~space
        keep[1:] |= ~space[:-1]
        kept = np.where(space, ord(" "), codes)[keep].astype("<u4")
        return Text(kept.tobytes().decode(*_UTF32), text.starts[keep], text.ends[keep])

    def position(self, byte: int) -> int:
        """Index of the first character that begins at or after a byte."""
        return int(np.searchsorted(self.starts, byte))

    def _composed(self) -> "Text":
        if unicodedata.is_normalized("NFC", self.characters):
            return self
        later = enumerate(self.characters[1:], start=1)
        begins = [0, *(i for i, character in later if not _continues(character))]
        clusters = list(pairwise([*begins, len(self.characters)]))
        composed = [unicodedata.normalize("NFC", self.characters[a:b]) for a, b in clusters]
        owner = np.repeat(np.arange(len(clusters)), [len(part) for part in composed])
        first, after = np.array(clusters).T
        return Text("".join(composed), self.starts[first[owner]], self.ends[after[owner] - 1])


def _codes(characters: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(characters.encode(*_UTF32), "<u4")


def _utf8_lengths(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    escaped = (codes >= 0xDC80) & (codes <= 0xDCFF)
    lengths = 1 + (codes >= 0x80) + (codes >= 0x800).astype(np.int64) + (codes >= 0x10000)
    return np.where(escaped, 1, lengths)


def _continues(character: str) -> bool:
    """Whether NFC may merge it with the character before: marks, and Hangul's later jamo."""
    if character < "\u0300":
        return False
    return unicodedata.category(character)[0] == "M" or "\u1160" <= character <= "\u11ff"
