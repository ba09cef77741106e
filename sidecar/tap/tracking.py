"""Requests that are being sampled: decision, spans and tags, from first to last step."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sidecar.config import Engine
from sidecar.tap.engines.base import Adapter, Incoming, Unsupported
from sidecar.tap.request import WorkerRequest, from_extra_args, wish
from sidecar.tap.sampling import Decision, Sampler
from sidecar.tap.spans import SpanFinder, Spans
from sidecar.tap.tokens import Tokens


@dataclass(frozen=True)
class Tracked:
    """A sampled request."""

    decision: Decision
    request: WorkerRequest
    spans: Spans
    tokens: Tokens

    @property
    def prompt_length(self) -> int:
        """Tokens of the prompt."""
        return self.tokens.prompt_length


class Requests:
    """Decides on new requests and remembers the sampled ones until they finish."""

    def __init__(self, settings: Engine) -> None:
        self.active: dict[str, Tracked] = {}
        self._settings = settings
        self.reset_counts()

    def reset_counts(self) -> None:
        """Start counting anew."""
        self.seen = 0
        self.sampled = 0
        self.methods: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()

    def prepare(self, adapter: Adapter) -> None:
        """Learn the model's tokenizer; without one, only explicit token ranges are found."""
        self._finder = SpanFinder(_tokenizer(adapter), self._settings.markers)

    def decide(self, incoming: Incoming, sampler: Sampler) -> Decision | None:
        """Whether and how a new request is sampled."""
        self.seen += 1
        return sampler.decide(incoming.request_id, wish(incoming.extra_args))

    def track(self, incoming: Incoming, decision: Decision) -> bool:
        """Find the request's spans, once, and remember it; False when it has no prompt tokens."""
        if incoming.prompt_token_ids is None:
            return False
        request = from_extra_args(incoming.extra_args, self._settings.max_documents)
        spans = self._finder.find(incoming.prompt_token_ids, request)
        self.sampled += 1
        self.methods[spans.method] += 1
        self.failures.update(spans.failures)
        if request.problem:
            self.failures[request.problem] += 1
        tokens = Tokens(incoming.prompt_token_ids)
        self.active[incoming.request_id] = Tracked(decision, request, spans, tokens)
        return True

    def forget(self, request_id: str) -> None:
        """The request ended."""
        self.active.pop(request_id, None)


def _tokenizer(adapter: Adapter) -> Any:
    try:
        return adapter.tokenizer()
    except Unsupported:
        return None
