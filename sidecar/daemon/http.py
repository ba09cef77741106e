"""Metrics, health, status and the sampling settings over HTTP."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sidecar.daemon import token
from sidecar.daemon.page import Page
from sidecar.daemon.sampling import Refused, SamplingControl
from sidecar.daemon.sinks.runner import SinkRunner

MAX_BODY_BYTES = 1 << 16
FLUSH_SECONDS = 20.0


@dataclass(frozen=True)
class Api:
    """The endpoints over one daemon."""

    page: Page
    sampling: SamplingControl | None
    """None when no taps listen here."""
    archive: SinkRunner | None
    """None when the archive is off."""
    status: Callable[[], dict[str, Any]]
    alive: Callable[[], bool]
    ready: Callable[[], bool]
    token: str

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/metrics", self.get_metrics),
                Route("/health/live", self.get_live),
                Route("/health/ready", self.get_ready),
                Route("/v1/status", self.get_status),
                Route("/v1/sampling", self.get_sampling, methods=["GET"]),
                Route("/v1/sampling", self.patch_sampling, methods=["PATCH"]),
                Route("/v1/archive/flush", self.post_flush, methods=["POST"]),
            ]
        )

    async def get_metrics(self, request: Request) -> Response:
        """The Prometheus page, as text or OpenMetrics by ``Accept``."""
        accept = request.headers.get("accept", "")
        body, content_type = await run_in_threadpool(self.page.render, accept)
        return Response(body, headers={"content-type": content_type})

    async def get_live(self, _request: Request) -> Response:
        """200 while the intake runs; 503 means that a restart is needed."""
        return _health(self.alive())

    async def get_ready(self, _request: Request) -> Response:
        """200 while samples are taken in, whatever sinks and taps do."""
        return _health(self.ready())

    async def get_status(self, _request: Request) -> Response:
        """Taps, sinks, intake and settings."""
        return JSONResponse(await run_in_threadpool(self.status))

    async def get_sampling(self, _request: Request) -> Response:
        """The sampling settings in force."""
        if self.sampling is None:
            return _without_taps()
        return JSONResponse(self.sampling.current.model_dump())

    async def patch_sampling(self, request: Request) -> Response:
        """Change some sampling settings; needs the token."""
        if not self._may_write(request):
            return _forbidden()
        if self.sampling is None:
            return _without_taps()
        try:
            fields = json.loads(await _body(request))
        except ValueError as error:
            return _error(422, "body", f"should be JSON: {error}")
        if not isinstance(fields, dict):
            return _error(422, "body", "should be an object of sampling settings")
        try:
            return JSONResponse(self.sampling.change(fields).model_dump())
        except Refused as error:
            return JSONResponse({"errors": error.problems}, status_code=422)

    async def post_flush(self, request: Request) -> Response:
        """Let readers of the archive see all samples so far; needs the token."""
        if not self._may_write(request):
            return _forbidden()
        if self.archive is None:
            return _error(409, "archive.enabled", "the archive is off")
        try:
            await run_in_threadpool(self.archive.flush, FLUSH_SECONDS)
        except TimeoutError:
            reason = self.archive.error or f"samples still wait after {FLUSH_SECONDS:g} s"
            return _error(503, "archive", reason)
        except Exception as error:  # noqa: BLE001 - whatever the sink raised is its caller's
            return _error(503, "archive", f"{type(error).__name__}: {error}")
        return JSONResponse({"ok": True})

    def _may_write(self, request: Request) -> bool:
        return token.matches(request.headers.get("authorization"), self.token)


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise ValueError(f"more than {MAX_BODY_BYTES} bytes")
    return body


def _health(fine: bool) -> Response:
    return JSONResponse({"ok": fine}, status_code=200 if fine else 503)


def _forbidden() -> Response:
    return _error(401, "token", "needs the header 'Authorization: Bearer TOKEN'")


def _without_taps() -> Response:
    return _error(409, "sampling", "no taps listen here; ask the daemon beside the engine")


def _error(status: int, field: str, message: str) -> Response:
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(
        {"errors": [{"field": field, "message": message}]}, status_code=status, headers=headers
    )
