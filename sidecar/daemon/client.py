"""Talks to a running daemon over HTTP."""

import json
import urllib.error
import urllib.request
from typing import Any

from sidecar.config import Http
from sidecar.daemon.token import token_file

TIMEOUT_SECONDS = 5.0
FLUSH_SECONDS = 30.0
"""More than the daemon takes to say that it cannot."""


class Unreachable(RuntimeError):
    """The daemon did not answer, or said no; the message is one line for a person."""


class Client:
    """One daemon's HTTP side."""

    def __init__(self, settings: Http, url: str | None = None) -> None:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.url = (url or f"http://{host}:{settings.port}").rstrip("/")
        self._token = settings.token

    def status(self) -> dict[str, Any]:
        """`GET /v1/status`. Raises Unreachable."""
        return self._call("GET", "/v1/status")

    def sampling(self) -> dict[str, Any]:
        """`GET /v1/sampling`. Raises Unreachable."""
        return self._call("GET", "/v1/sampling")

    def change_sampling(self, fields: dict[str, Any]) -> dict[str, Any]:
        """`PATCH /v1/sampling`; the settings in force after it. Raises Unreachable."""
        return self._call("PATCH", "/v1/sampling", fields)

    def flush_archive(self) -> None:
        """`POST /v1/archive/flush`. Raises Unreachable."""
        self._call("POST", "/v1/archive/flush", {}, seconds=FLUSH_SECONDS)

    def _call(
        self, method: str, path: str, body: Any = None, *, seconds: float = TIMEOUT_SECONDS
    ) -> dict[str, Any]:
        if not self.url.startswith(("http://", "https://")):
            raise Unreachable(f"the address should start with http://, got {self.url!r}")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)  # noqa: S310
        if body is not None:
            request.add_header("authorization", f"Bearer {self._bearer()}")
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310
                return json.load(answer)  # type: ignore[no-any-return]
        except urllib.error.HTTPError as error:
            raise Unreachable(f"{self.url} refused: {_reason(error)}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise Unreachable(f"no daemon answers at {self.url}: {reason}") from None

    def _bearer(self) -> str:
        if self._token:
            return self._token
        try:
            return token_file().read_text().strip()
        except OSError as error:
            self.sampling()  # without a daemon its token is not what is missing
            raise Unreachable(
                f"no token: set ATTENTION_HTTP__TOKEN to that of the daemon at {self.url}, or run "
                f"as the daemon's user (looked for {str(token_file())!r}: {error.strerror})"
            ) from None


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        problems = json.load(error)["errors"]
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"
    return "; ".join(f"{problem['field']}: {problem['message']}" for problem in problems)
