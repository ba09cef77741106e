"""ASGI middleware for vLLM: moves the body field `attention` and trace headers to `vllm_xargs`.

``vllm serve MODEL --middleware sidecar.tap.middleware.AttentionMiddleware``

A request without either passes byte for byte. A malformed `attention` is answered with 400; any
failure of our own lets the request through and is counted in `COUNTS`.
"""

import json
import logging
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from sidecar.config import Engine, load
from sidecar.tap import baggage
from sidecar.tap.body import NotJson, rewritten, stripped
from sidecar.tap.request import RequestError
from sidecar.tap.switch import enabled

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CHAT = "/v1/chat/completions"
PATHS = (CHAT, "/v1/completions", "/v1/responses")
LARGEST_BODY = 32 * 2**20
"""Bytes up to which a body is read; a larger one passes untouched."""

COUNTS: Counter[str] = Counter()
"""Requests of this API server by what was done with them."""

_logger = logging.getLogger(__name__)


class AttentionMiddleware:
    """One in each API server; keeps nothing between requests but `COUNTS`."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app
        self._off = not enabled()
        self._settings = _settings()

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if not _concerned(scope):
            await self._app(scope, receive, send)
            return
        messages, body = await _read(receive)
        try:
            changed = self._changed(scope, body)
        except RequestError as refusal:
            COUNTS["refused"] += 1
            await _refuse(send, refusal)
            return
        if changed is not None:
            messages = deque([{"type": "http.request", "body": changed, "more_body": False}])
            scope = {**scope, "headers": _with_length(scope["headers"], len(changed))}
        await self._app(scope, _replay(messages, receive), send)

    def _changed(self, scope: "Scope", body: bytes | None) -> bytes | None:
        """The new body, or None to leave it as it is. Raises RequestError and nothing else."""
        if body is None:
            COUNTS["not_read"] += 1
            return None
        try:
            changed = stripped(body) if self._off else self._rewritten(scope, body)
        except RequestError:
            raise
        except NotJson:
            COUNTS["not_json"] += 1
            return None
        except Exception as error:  # noqa: BLE001 - whatever it is, the request must be served
            return _rescued(body, error)
        COUNTS["unchanged" if changed is None else "stripped" if self._off else "rewritten"] += 1
        return changed

    def _rewritten(self, scope: "Scope", body: bytes) -> bytes | None:
        return rewritten(
            body,
            chat=_path(scope) == CHAT,
            traceparent=_joined(scope, b"traceparent"),
            tags=baggage.tags(_joined(scope, b"baggage"), self._settings.baggage),
            max_documents=self._settings.max_documents,
        )


def _rescued(body: bytes, error: Exception) -> bytes | None:
    """The body without `attention` after a failure of our own; as it is if even that fails."""
    reason = f"failed_{type(error).__name__}"
    COUNTS[reason] += 1
    if COUNTS[reason] == 1:
        _logger.error("attention: %s; the request is served without its `attention`", reason)
    try:
        return stripped(body)
    except Exception:  # noqa: BLE001 - counted and logged above
        return None


def _settings() -> Engine:
    try:
        return load().engine
    except Exception:
        COUNTS["settings_unreadable"] += 1
        _logger.exception("attention: settings are wrong, going on with the defaults")
        return Engine()


def _concerned(scope: "Scope") -> bool:
    if scope["type"] != "http" or scope["method"] != "POST" or _path(scope) not in PATHS:
        return False
    media = b"".join(_headers(scope, b"content-type")).split(b";")[0]
    return media.strip().lower() == b"application/json"


def _path(scope: "Scope") -> str:
    return str(scope["path"]).removeprefix(scope.get("root_path", ""))


def _headers(scope: "Scope", name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]


def _joined(scope: "Scope", name: bytes) -> str | None:
    """The header, not yet validated; several are one list, which no `traceparent` may be."""
    found = _headers(scope, name)
    return b",".join(found).decode("latin-1").strip() if found else None


async def _read(receive: "Receive") -> tuple["deque[Message]", bytes | None]:
    """All messages of the body, and the body; None for one too large or cut short."""
    messages: deque[Message] = deque()
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        messages.append(message)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if message["type"] != "http.request" or size > LARGEST_BODY:
            return messages, None
        if not message.get("more_body", False):
            return messages, b"".join(parts)


def _replay(messages: "deque[Message]", receive: "Receive") -> "Receive":
    async def replay() -> "Message":
        return messages.popleft() if messages else await receive()

    return replay


def _with_length(headers: list[tuple[bytes, bytes]], length: int) -> list[tuple[bytes, bytes]]:
    framing = (b"content-length", b"transfer-encoding")
    kept = [(name, value) for name, value in headers if name not in framing]
    return [*kept, (b"content-length", str(length).encode())]


async def _refuse(send: "Send", refusal: RequestError) -> None:
    error: dict[str, Any] = {
        "message": str(refusal),
        "type": "BadRequestError",
        "param": refusal.param,
        "code": 400,
    }
    body = json.dumps({"error": error}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})
