"""How what a caller says of a request travels from the API server to the workers.

The body field ``attention`` is validated in the API server and carried to the workers as one JSON
string in ``vllm_xargs``, because nothing else of a request reaches them.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from sidecar.tap import traceparent as w3c
from sidecar.tap.attention_field import (
    LAST_POSITION,
    MAX_DOCUMENTS,
    AttentionRequest,
    Document,
    excerpt,
)

XARG = "attention"
TRACEPARENT_XARG = "attention_traceparent"
PROBLEM_XARG = "attention_problem"

MALFORMED_REQUEST = "malformed_request"
MALFORMED_TRACEPARENT = "malformed_traceparent"
MALFORMED_CHAT_DOCUMENTS = "malformed_chat_documents"
BAGGAGE_LEFT_OUT = "baggage_left_out"
PROBLEMS = (
    MALFORMED_REQUEST,
    MALFORMED_TRACEPARENT,
    MALFORMED_CHAT_DOCUMENTS,
    BAGGAGE_LEFT_OUT,
)


class RequestError(ValueError):
    """The field `attention` is wrong; ``param`` is the path of the wrong part in the body."""

    def __init__(self, param: str, problem: str) -> None:
        super().__init__(f"{param}: {problem}")
        self.param = param


def parse(value: Any, max_documents: int = MAX_DOCUMENTS) -> AttentionRequest:
    """Validate the decoded field; raises RequestError for the first thing wrong in it."""
    documents = value.get("documents") if isinstance(value, dict) else None
    if isinstance(documents, list) and len(documents) > max_documents:
        raise RequestError(
            f"{XARG}.documents", f"must name at most {max_documents}, got {len(documents)}"
        )
    try:
        return AttentionRequest.model_validate(value)
    except ValidationError as error:
        raise _described(error) from None


def _described(error: ValidationError) -> RequestError:
    problem, *more = error.errors(include_url=False)
    context = problem.get("ctx", {})
    where = (*problem["loc"], context["where"]) if "where" in context else problem["loc"]
    path = XARG + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
    text = _PHRASES.get(problem["type"]) or _SHOULD.sub("must", problem["msg"])
    if "where" not in context and problem["type"] != "missing":
        text += f", got {excerpt(problem['input'])}"
    return RequestError(_short_path(path), text + (f" (and {len(more)} more)" if more else ""))


_SHOULD = re.compile("^(Input|String|Dictionary) should")
_PHRASES = {
    "missing": "is required",
    "model_type": "must be an object",
    "extra_forbidden": f"is not a field, the fields are {', '.join(AttentionRequest.model_fields)}",
}


def _short_path(path: str) -> str:
    return path if len(path) <= 120 else f"{path[:117]}..."


def encode(request: AttentionRequest) -> str:
    """The JSON string that travels in ``vllm_xargs``."""
    return request.model_dump_json(exclude_defaults=True)


def decode(text: Any, max_documents: int = MAX_DOCUMENTS) -> AttentionRequest:
    """Read what `encode` wrote; raises RequestError on anything else."""
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise RequestError(XARG, f"must be a JSON string, got {excerpt(text)}") from None
    return parse(value, max_documents)


@dataclass(frozen=True)
class WorkerRequest:
    """What a worker knows of a request."""

    documents: list[Document] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    sample: bool | None = None
    traceparent: str | None = None
    problem: str = ""
    """Why part of it is missing, one of `PROBLEMS`; '' when nothing is."""

    @property
    def trace_id(self) -> str | None:
        """W3C trace id of the caller."""
        return w3c.trace_id(self.traceparent) if self.traceparent else None


def from_extra_args(
    extra_args: dict[str, Any] | None, max_documents: int = MAX_DOCUMENTS
) -> WorkerRequest:
    """Read a request's sampling arguments; never raises, what is unreadable becomes `problem`."""
    if not isinstance(extra_args, dict):
        return WorkerRequest()
    request, problem = AttentionRequest(), ""
    if extra_args.get(PROBLEM_XARG) in PROBLEMS:
        problem = extra_args[PROBLEM_XARG]
    header = extra_args.get(TRACEPARENT_XARG)
    if header is not None and not w3c.is_valid(header):
        header, problem = None, MALFORMED_TRACEPARENT
    if (encoded := extra_args.get(XARG)) is not None:
        try:
            request = decode(encoded, max_documents)
        except RequestError:
            problem = MALFORMED_REQUEST
    return WorkerRequest(request.documents, request.tags, request.sample, header, problem)


def wish(extra_args: dict[str, Any] | None) -> bool | None:
    """Whether the request itself asks to be sampled or not; cheap where it does not say."""
    encoded = extra_args.get(XARG) if isinstance(extra_args, dict) else None
    if not isinstance(encoded, str) or '"sample"' not in encoded:
        return None
    return from_extra_args(extra_args, LAST_POSITION).sample
