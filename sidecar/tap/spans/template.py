"""Learn from a tokenizer's chat template how each role's turns begin.

Probe conversations are rendered with a sentinel as the content of each message. What the template
prints before a sentinel ends in that role's opener; no template is known in advance.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

Kind = Literal["system", "user", "assistant", "tool"]
Message = dict[str, Any]
Render = Callable[[list[Message]], str]
"""Renders a conversation as text, generation prompt included; may raise anything."""


class Opener(NamedTuple):
    """Text that begins a turn: at a special token, or, where ``first``, at the prompt's start."""

    text: str
    kind: Kind
    first: bool = False


class Gap(NamedTuple):
    """What the template prints between one content and the next, which is of a known kind."""

    text: str
    kind: Kind
    first: bool


_CALL = {"id": "call00001", "type": "function", "function": {"name": "look", "arguments": {}}}
_CONVERSATIONS: tuple[tuple[tuple[Kind, Message], ...], ...] = (
    (("user", {}), ("assistant", {}), ("user", {})),
    (("system", {}), ("user", {}), ("assistant", {}), ("user", {})),
    (
        ("user", {}),
        ("assistant", {"content": "", "tool_calls": [_CALL]}),
        ("tool", {"tool_call_id": "call00001", "name": "look"}),
    ),
)


def learn_openers(render: Render, specials: Sequence[str]) -> list[Opener]:
    """Openers of all roles that the template tells apart, without duplicates.

    A role that looks like another has none: Mistral's system prompt is part of a user turn.
    """
    if not specials:
        return []
    special = re.compile("|".join(map(re.escape, sorted(specials, key=len, reverse=True))))
    gaps = [gap for conversation in _CONVERSATIONS for gap in _gaps(render, conversation)]
    openers = _distinct(gaps, special)
    told_apart = {opener.kind for opener in openers}
    return _distinct([gap for gap in gaps if gap.kind in told_apart], special)


def _distinct(gaps: list[Gap], special: re.Pattern[str]) -> list[Opener]:
    openers = [_opener(gap, gaps, special) for gap in gaps]
    return list(dict.fromkeys(opener for opener in openers if opener))


def _gaps(render: Render, conversation: tuple[tuple[Kind, Message], ...]) -> list[Gap]:
    sentinels = [f"zq{number}vx" for number in range(len(conversation))]
    messages = [
        {"role": kind, "content": sentinel, **extra}
        for sentinel, (kind, extra) in zip(sentinels, conversation, strict=True)
    ]
    try:
        rendered = render(messages)
    except Exception:  # noqa: BLE001 - a template may refuse a role in its own way
        return []
    printed = sorted(
        (rendered.find(sentinel), sentinel, kind)
        for sentinel, (kind, _) in zip(sentinels, conversation, strict=True)
        if sentinel in rendered
    )
    gaps, position = [], 0
    for start, sentinel, kind in printed:
        gaps.append(Gap(rendered[position:start], kind, position == 0))
        position = start + len(sentinel)
    return [*gaps, Gap(rendered[position:], "assistant", first=False)]


def _opener(gap: Gap, gaps: list[Gap], special: re.Pattern[str]) -> Opener | None:
    """The shortest ending of a gap that starts at a special token and no other role's gap has.

    Its first line alone is preferred: what follows may be a date or a default prompt.
    """
    others = {end for other in gaps if other.kind != gap.kind for end in _endings(other, special)}
    lines = others | {_first_line(end) for end in others}
    endings = _endings(gap, special)
    for ending in endings:
        if (line := _first_line(ending)) not in lines:
            return Opener(line, gap.kind, _unanchored(line, special))
    unique = next((ending for ending in endings if ending not in others), None)
    return None if unique is None else Opener(unique, gap.kind, _unanchored(unique, special))


def _endings(gap: Gap, special: re.Pattern[str]) -> list[str]:
    """Endings that start at a special token, shortest first; at the prompt's start, all of it."""
    starts = [match.start() for match in special.finditer(gap.text)]
    if gap.first and starts[:1] != [0]:
        starts.insert(0, 0)
    return [ending for start in reversed(starts) if (ending := gap.text[start:].strip())]


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0].rstrip()


def _unanchored(text: str, special: re.Pattern[str]) -> bool:
    return special.match(text) is None
