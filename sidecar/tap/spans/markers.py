"""Documents that the prompt itself marks, by the operator's regular expressions."""

import re
from collections.abc import Sequence

from sidecar.tap.spans.claims import Claims
from sidecar.tap.spans.documents import Place, Prompt
from sidecar.tap.spans.reasons import Reason
from sidecar.tap.spans.text import Text

ID_LENGTH = 256


class MarkerError(ValueError):
    """A configured marker is not a regular expression with a group `id`."""


class Markers:
    """Compiled markers. A group `id` names the document, a group `text` says where it is."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [_compiled(pattern) for pattern in patterns]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def find(self, prompt: Prompt) -> tuple[list[Place], list[Reason]]:
        """Places of the marked documents, in order of pattern and position, and failures."""
        text = Text.of(prompt.data)
        claims = Claims()
        places: list[Place] = []
        failures: list[Reason] = []
        for match in (match for p in self._patterns for match in p.finditer(text.characters)):
            start, end = match.span("text" if "text" in match.re.groupindex else 0)
            if start >= end:
                failures.append("empty")
                continue
            first, after = int(text.starts[start]), int(text.ends[end - 1])
            if claims.blocking(first, after) is not None:
                failures.append("overlap")
                continue
            claims.add(first, after)
            places.append(Place(_name(match), *prompt.tokens(first, after)))
        return places, failures


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise MarkerError(f"engine.markers: {pattern!r} cannot be compiled: {error}") from None
    if "id" not in compiled.groupindex:
        raise MarkerError(f"engine.markers: {pattern!r} must have a group (?P<id>...)")
    return compiled


def _name(match: re.Match[str]) -> str:
    name = (match["id"] or "").encode(errors="replace").decode()
    return name[:ID_LENGTH]
