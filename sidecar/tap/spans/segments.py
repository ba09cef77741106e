"""Segments: runs of positions with one role and one source, that partition the sequence."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from sidecar.schema import ROLES, SINK_TOKENS
from sidecar.tap.spans.documents import Place
from sidecar.tap.spans.reasons import Reason

Method = Literal["explicit", "text", "markers", "none"]
Codes = npt.NDArray[np.int32]

CODE = {role: code for code, role in enumerate(ROLES)}


@dataclass(frozen=True)
class Spans:
    """Segments ``[starts[i], ends[i])`` in order, without gaps, none empty."""

    starts: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]
    roles: list[str]
    """One of `schema.ROLES` for each segment."""
    sources: list[str]
    """Document id of a context segment, else ''."""
    method: Method = "none"
    """How documents were found; where several ways were needed, the least certain."""
    documents_declared: int = 0
    documents_found: int = 0
    failures: list[Reason] = field(default_factory=list)
    """One reason for each document that was declared and not found."""


def partition(
    roles: Codes,
    places: Sequence[Place],
    missing: Sequence[Reason],
    method: Method,
) -> Spans:
    """Cut ``roles``, a role code per token, into runs, with the documents and the sink on top.

    A token that two documents share goes to the earlier; explicit ranges are kept to the token.
    """
    codes = roles.copy()
    failures = list(missing)
    ordered = sorted(places, key=lambda place: (place.explicit, -place.start))
    for number, place in enumerate(ordered):
        codes[place.start : place.end] = len(ROLES) + number
    failures += ["shared"] * _hidden(codes, len(ordered))
    before = len(ordered) - _hidden(codes, len(ordered))
    codes[:SINK_TOKENS] = CODE["sink"]
    found = len(ordered) - _hidden(codes, len(ordered))
    failures += ["in_sink"] * (before - found)
    sources = [place.source for place in ordered]
    return _runs(codes, sources, found, failures, method if found else "none")


def _hidden(codes: Codes, documents: int) -> int:
    """How many documents own no token."""
    tokens = np.bincount(codes, minlength=len(ROLES))[len(ROLES) :]
    return documents - int(np.count_nonzero(tokens))


def _runs(
    codes: Codes, sources: list[str], found: int, failures: list[Reason], method: Method
) -> Spans:
    if not len(codes):
        edges = np.zeros(0, np.int32)
        return Spans(edges, edges, [], [], method, found + len(failures), found, failures)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(codes)) + 1)).astype(np.int32)
    ends = np.append(starts[1:], len(codes)).astype(np.int32)
    owners = [code - len(ROLES) for code in codes[starts].tolist()]
    roles = ["context" if owner >= 0 else ROLES[owner] for owner in owners]
    names = [sources[owner] if owner >= 0 else "" for owner in owners]
    return Spans(starts, ends, roles, names, method, found + len(failures), found, failures)


def extend(spans: Spans, prompt_length: int, context_length: int) -> Spans:
    """Add the generated positions ``[prompt_length, context_length)``, if there are any.

    Raises ValueError when the spans do not end where the prompt does, or the context before it.
    """
    covered = int(spans.ends[-1]) if len(spans.ends) else 0
    if covered != prompt_length or context_length < prompt_length:
        raise ValueError(
            f"spans cover {covered} positions of a prompt of {prompt_length} and a context of "
            f"{context_length}; they must cover the prompt, which must lie within the context"
        )
    if context_length == prompt_length:
        return spans
    return replace(
        spans,
        starts=np.append(spans.starts, np.int32(prompt_length)),
        ends=np.append(spans.ends, np.int32(context_length)),
        roles=[*spans.roles, "generated"],
        sources=[*spans.sources, ""],
    )
