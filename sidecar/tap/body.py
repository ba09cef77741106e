"""Rewrites the JSON body of a request: `attention` and the trace header move into `vllm_xargs`.

Only the top level is taken apart: every other field keeps its bytes, whatever numbers it holds.
"""

import json
from typing import Any

import msgspec

from sidecar.tap.attention_field import TAGS, AttentionRequest
from sidecar.tap.chat_documents import as_attention
from sidecar.tap.request import (
    BAGGAGE_LEFT_OUT,
    MALFORMED_CHAT_DOCUMENTS,
    MALFORMED_TRACEPARENT,
    PROBLEM_XARG,
    TRACEPARENT_XARG,
    XARG,
    RequestError,
    encode,
    parse,
)
from sidecar.tap.traceparent import is_valid

Fields = dict[str, msgspec.Raw]


class NotJson(ValueError):
    """The body is not a JSON object; vLLM says so better than we could."""


def rewritten(
    body: bytes,
    *,
    chat: bool,
    traceparent: str | None,
    tags: dict[str, str],
    max_documents: int,
) -> bytes | None:
    """The new body; None when it has nothing for us and may stay as it is.

    ``chat`` says that a top-level `documents` is the chat API's; ``tags`` are added to those of
    `attention`, which win. Raises NotJson, and RequestError for a malformed `attention`.
    """
    named = b'"attention"' in body
    if not (named or tags or traceparent is not None or (chat and b'"documents"' in body)):
        return None
    fields = _object(body)
    named = XARG in fields
    value = _value(fields.pop(XARG, None))
    extra = _carried(value, fields.get("documents") if chat else None, tags, max_documents)
    if traceparent is not None and is_valid(traceparent):
        extra[TRACEPARENT_XARG] = traceparent
    elif traceparent is not None:
        extra.setdefault(PROBLEM_XARG, MALFORMED_TRACEPARENT)
    if not (named or extra):
        return None
    if extra:
        fields["vllm_xargs"] = _merged(fields.get("vllm_xargs"), extra)
    return msgspec.json.encode(fields)


def stripped(body: bytes) -> bytes | None:
    """The body without `attention`; None when it has none. Raises NotJson."""
    if b'"attention"' not in body:
        return None
    fields = _object(body)
    return None if fields.pop(XARG, None) is None else msgspec.json.encode(fields)


def _carried(
    value: Any, chat_documents: msgspec.Raw | None, tags: dict[str, str], limit: int
) -> dict[str, str]:
    """What to add to ``vllm_xargs``. The chat API's documents are not ours to refuse."""
    extra = {}
    own = value if value is not None else {}
    request = parse(own, limit)
    found = None if "documents" in own else _value(chat_documents)
    if found is not None:
        try:
            request = parse({**own, "documents": as_attention(found)}, limit)
        except RequestError:
            extra[PROBLEM_XARG] = MALFORMED_CHAT_DOCUMENTS
    request = _tagged(request, tags)
    if tags.keys() - request.tags.keys():
        extra.setdefault(PROBLEM_XARG, BAGGAGE_LEFT_OUT)
    if request.model_fields_set:
        extra[XARG] = encode(request)
    return extra


def _tagged(request: AttentionRequest, tags: dict[str, str]) -> AttentionRequest:
    """The request with further tags, as far as there is room for them."""
    more = [(name, value) for name, value in tags.items() if name not in request.tags]
    if not more:
        return request
    room = TAGS - len(request.tags)
    return request.model_copy(update={"tags": {**request.tags, **dict(more[:room])}})


def _merged(raw: msgspec.Raw | None, extra: dict[str, str]) -> msgspec.Raw:
    """The caller's ``vllm_xargs`` with ours, which win; what is not an object is left to vLLM."""
    if raw is None or _value(raw) is None:
        theirs = {}
    elif isinstance(_value(raw), dict):
        theirs = _object(raw)
    else:
        return raw
    return msgspec.Raw(msgspec.json.encode({**theirs, **extra}))


def _object(data: bytes | msgspec.Raw) -> Fields:
    try:
        return msgspec.json.decode(data, type=Fields)
    except msgspec.MsgspecError:
        value = _value(data)
    if not isinstance(value, dict):
        raise NotJson("the body is not a JSON object")
    return {name: msgspec.Raw(json.dumps(part).encode()) for name, part in value.items()}


def _value(data: bytes | msgspec.Raw | None) -> Any:
    """Decode as vLLM does: the standard library also takes NaN and lone surrogates."""
    if data is None:
        return None
    try:
        return json.loads(bytes(data))
    except (ValueError, RecursionError):
        raise NotJson("the body is not JSON") from None
