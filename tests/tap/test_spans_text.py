"""Tokens to bytes, and text that knows where its characters come from."""

import unicodedata

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.tap.spans.pieces import Pieces
from sidecar.tap.spans.text import Text, folded
from tests.tap import toy_tokenizers as toys
from tests.tap.span_kit import encoded, pieces

AWKWARD = st.text(
    st.sampled_from(
        "ab \t\n\u00a0\u2003é e\u0301\u0323ﬁÅ\u212b한\u1112\u1161\u11ab🙂日\u0b47\u0b3e"
    )
    | st.characters(exclude_categories=["Cs"]),
    max_size=60,
)


@pytest.mark.parametrize("family", toys.FAMILIES)
def test_the_spelling_of_a_vocabulary_is_recognised(family: str) -> None:
    assert pieces(family).form == family
    assert pieces(family).faithful is (family != "wordpiece")


@pytest.mark.parametrize("family", ["byte-level", "metaspace"])
@given(text=AWKWARD)
def test_tokens_are_the_bytes_of_their_text(family: str, text: str) -> None:
    token_ids = encoded(text, family)
    data, offsets = pieces(family).join(np.asarray(token_ids, np.int64))
    assert data.decode().removeprefix(" ") == text.removeprefix(" ")
    assert offsets.tolist()[-1] == len(data)
    assert len(offsets) == len(token_ids) + 1


def test_a_character_cut_between_tokens_keeps_its_bytes() -> None:
    token_ids = np.asarray(encoded("🙂"), np.int64)
    assert len(token_ids) > 1
    data, offsets = pieces().join(token_ids)
    assert data == "🙂".encode()
    assert offsets[1] in (1, 2, 3)


def test_special_tokens_stand_for_themselves_and_unknown_ids_for_nothing() -> None:
    tokenizer = toys.tokenizer("byte-level")
    token_id = tokenizer.convert_tokens_to_ids("<|im_start|>")
    data, offsets = pieces().join(np.asarray([token_id, -1, 10**6, token_id], np.int64))
    assert data == b"<|im_start|><|im_start|>"
    assert offsets.tolist() == [0, 12, 12, 12, 24]


class OwnSpelling:
    """A vocabulary of no known family, whose tokens only its decoder understands."""

    _words = ("Ein", "Zwei", "Drei")

    def get_vocab(self) -> dict[str, int]:
        return {f"#{word}#": number for number, word in enumerate(self._words)}

    def convert_tokens_to_ids(self, token: str) -> int:
        return self.get_vocab()[token]

    def decode(self, token_ids: list[int]) -> str:
        return "".join(self._words[token_id] for token_id in token_ids)

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        return [number for number, word in enumerate(self._words) if word in text]


def test_an_unknown_spelling_is_read_with_the_decoder() -> None:
    own = Pieces(OwnSpelling())
    assert (own.form, own.faithful) == ("decoded", False)
    assert own.join(np.asarray([1, 0], np.int64))[0] == b"ZweiEin"


class WholeTokens(OwnSpelling):
    """As Tekken presents itself: tokens are plain text, headings among them."""

    def get_vocab(self) -> dict[str, int]:
        return {chr(code): code for code in range(256)} | {"##": 256, "###": 257}

    def decode(self, token_ids: list[int]) -> str:
        names = {number: token for token, number in self.get_vocab().items()}
        return "".join(names[token_id].strip() for token_id in token_ids)

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        return [ord(character) for character in text if ord(character) < 256]


def test_marks_of_another_family_do_not_mislead() -> None:
    plain = Pieces(WholeTokens())
    assert (plain.form, plain.faithful) == ("plain", False)
    assert plain.as_tokenized("# Über, ## sie") == "# Über, ## sie"


@given(AWKWARD)
@example("\u0301a")
@example("\u1112\u1161\u11ab")
@example("")
def test_a_folded_text_is_what_a_folded_needle_is(text: str) -> None:
    assert Text.of(text.encode()).folded().characters.strip() == folded(text)


@given(AWKWARD)
def test_folded_characters_know_their_bytes(text: str) -> None:
    data = text.encode()
    view = Text.of(data).folded()
    for character, start, end in zip(view.characters, view.starts, view.ends, strict=True):
        original = data[start:end].decode()
        assert character in unicodedata.normalize("NFC", original) or original.isspace()


@given(st.binary(max_size=60))
def test_bytes_that_are_no_text_keep_their_places(data: bytes) -> None:
    view = Text.of(data)
    assert view.starts.tolist()[:1] in ([], [0])
    assert view.ends.tolist()[-1:] in ([], [len(data)])
    parts = [data[start:end] for start, end in zip(view.starts, view.ends, strict=True)]
    assert b"".join(parts) == data
    assert [part.decode("utf-8", "surrogateescape") for part in parts] == list(view.characters)
    view.folded()
