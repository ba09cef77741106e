"""From the tokens of a prompt to its segments."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from sidecar.tap.request import WorkerRequest
from sidecar.tap.spans.documents import Place, Prompt, Search
from sidecar.tap.spans.markers import Markers
from sidecar.tap.spans.pieces import Pieces
from sidecar.tap.spans.reasons import Reason
from sidecar.tap.spans.roles import ChatRoles
from sidecar.tap.spans.segments import CODE, Method, Spans, partition

_logger = logging.getLogger(__name__)


class SpanFinder:
    """Finds documents and roles in prompts. Made once per tokenizer, which takes about a second.

    Without a tokenizer, or with one of an unknown kind, only explicit ranges can be found. Raises
    MarkerError for a wrong marker.
    """

    def __init__(
        self, tokenizer: Any, markers: Sequence[str] = (), chat_template: str | None = None
    ) -> None:
        self._markers = Markers(markers)
        self._pieces: Pieces | None = None
        self._roles: ChatRoles | None = None
        if tokenizer is not None:
            self._learn(tokenizer, chat_template)

    def _learn(self, tokenizer: Any, chat_template: str | None) -> None:
        """Read the tokenizer as far as it can be read; what cannot is counted with each request."""
        try:
            self._pieces = Pieces(tokenizer)
            self._roles = ChatRoles(tokenizer, chat_template)
        except Exception:
            _logger.exception("attention: %s cannot be read in full", type(tokenizer).__name__)

    def find(self, prompt_token_ids: Sequence[int], request: WorkerRequest) -> Spans:
        """Segments of a prompt: a partition of ``[0, len(prompt_token_ids))``.

        Documents are looked for in the ways the request allows, the most certain first: token
        ranges, text, and, where it names none, markers. The rest is by chat role.
        """
        prompt = self._prompt(prompt_token_ids)
        if request.documents:
            places, failures, method = self._named(prompt, request)
        else:
            (places, failures), method = self._markers.find(prompt), "markers"
        return partition(self._codes(prompt, places), places, failures, method)

    def _prompt(self, prompt_token_ids: Sequence[int]) -> Prompt:
        token_ids = np.asarray(prompt_token_ids, np.int64)
        if self._pieces is None:
            return Prompt(token_ids, b"", np.zeros(len(token_ids) + 1, np.int64))
        return Prompt(token_ids, *self._pieces.join(token_ids))

    def _named(
        self, prompt: Prompt, request: WorkerRequest
    ) -> tuple[list[Place], list[Reason], Method]:
        search = Search(prompt)
        with_text = search.by_range(request.documents)
        if self._pieces is None:
            search.failures += ["no_tokenizer"] * len(with_text)
        else:
            search.by_text(with_text, None if self._pieces.faithful else self._pieces.as_tokenized)
        explicit = all(place.explicit for place in search.places)
        return search.places, search.failures, "explicit" if explicit else "text"

    def _codes(self, prompt: Prompt, places: Sequence[Place]) -> Any:
        if self._roles is None:
            return np.full(len(prompt.token_ids), CODE["other"], np.int32)
        return self._roles.codes(prompt, places)
