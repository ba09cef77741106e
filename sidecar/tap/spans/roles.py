"""Roles of prompt tokens, by the turns of the chat template."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from sidecar.tap.spans.documents import Place, Prompt
from sidecar.tap.spans.segments import CODE, Codes
from sidecar.tap.spans.template import Kind, Message, Opener, learn_openers

_LONGEST = 512
"""Bytes of the prompt within which an opener must fit."""

Turn = tuple[int, Kind]
"""First token and kind."""


class ChatRoles:
    """Finds turns by special token ids: text that merely looks like a special token opens none."""

    def __init__(self, tokenizer: Any, chat_template: str | None = None) -> None:
        specials = _specials(tokenizer)
        render = partial(_render, tokenizer, chat_template)
        self.openers = learn_openers(render, list(specials))
        self._first = [(_squashed(o.text.encode()), o.kind) for o in self.openers if o.first]
        self._by_id = _by_special_id(self.openers, specials)
        self._openers = np.array(sorted(self._by_id), np.int64)

    def codes(self, prompt: Prompt, places: Sequence[Place]) -> Codes:
        """Role code of each token; `other` outside turns and in the generation prompt."""
        codes = np.full(len(prompt.token_ids), CODE["other"], np.int32)
        turns = self._turns(prompt, places)
        last_user = max((i for i, (_, kind) in enumerate(turns) if kind == "user"), default=-1)
        for number, (start, kind) in enumerate(turns):
            last = number == len(turns) - 1
            codes[start:] = CODE[_role(kind, last, number == last_user)]
        return codes

    def _turns(self, prompt: Prompt, places: Sequence[Place]) -> list[Turn]:
        """Turns in order; a document found by its text holds none, whatever its tokens."""
        inside = np.zeros(len(prompt.token_ids), bool)
        for place in places:
            inside[place.start : place.end] |= not place.explicit
        candidates = np.flatnonzero(np.isin(prompt.token_ids, self._openers) & ~inside)
        turns: list[Turn] = []
        if candidates[:1].tolist() != [0] and (kind := self._at_start(prompt.data)):
            turns.append((0, kind))
        for token in candidates.tolist():
            options = self._by_id[int(prompt.token_ids[token])]
            begin = int(prompt.offsets[token])
            kind = _opened(prompt.data[begin : begin + _LONGEST], options)
            if kind:
                turns.append((token, kind))
        return turns

    def _at_start(self, data: bytes) -> Kind | None:
        return _opened(data[:_LONGEST], self._first)


def _role(kind: Kind, last: bool, last_user: bool) -> str:
    if kind == "user":
        return "query" if last_user else "history"
    if kind == "assistant":
        return "other" if last else "history"
    return kind


def _opened(data: bytes, options: Sequence[tuple[bytes, Kind]]) -> Kind | None:
    """Kind of the first option that the data begins with, white space aside: tokenizers add it."""
    start = _squashed(data)
    return next((kind for text, kind in options if start.startswith(text)), None)


def _squashed(data: bytes) -> bytes:
    return b"".join(data.split())


def _by_special_id(
    openers: list[Opener], specials: dict[str, int]
) -> dict[int, list[tuple[bytes, Kind]]]:
    """Openers by the id of the special token they start with, longest text first."""
    found: dict[int, list[tuple[bytes, Kind]]] = {}
    for opener in sorted(openers, key=lambda opener: -len(opener.text)):
        starts = [text for text in specials if opener.text.startswith(text)]
        if starts and not opener.first:
            token_id = specials[max(starts, key=len)]
            option = _squashed(opener.text.encode()), opener.kind
            found.setdefault(token_id, []).append(option)
    return found


def _specials(tokenizer: Any) -> dict[str, int]:
    """Text and id of the special tokens, those of the added vocabulary included."""
    added = getattr(tokenizer, "added_tokens_decoder", {})
    found = {str(token): token_id for token_id, token in added.items() if token.special}
    known = zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True)
    return found | {str(text): token_id for text, token_id in known if text}


def _render(tokenizer: Any, chat_template: str | None, messages: list[Message]) -> str:
    rendered = tokenizer.apply_chat_template(
        messages, chat_template=chat_template, tokenize=False, add_generation_prompt=True
    )
    return str(rendered)
