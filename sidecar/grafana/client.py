"""Grafana's HTTP API behind one small class: a token, retries, errors that say what to do."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from grafana_api.grafana_api import GrafanaClientError, GrafanaException, GrafanaServerError
from grafana_api.grafana_face import GrafanaFace

TIMEOUT_SECONDS = 20.0
DELAYS = (0.5, 1.0, 2.0)
"""Seconds before each further try."""
_ADVICE = {
    401: "the token is missing, wrong or expired; set GRAFANA_TOKEN to a service account's",
    403: "the token's service account may not do this; it needs the role Editor or Admin",
    409: "it exists under another uid",
    412: "somebody changed it meanwhile; look at it and publish again",
}
_KEEP_EDITABLE = {"X-Disable-Provenance": "true"}
"""Rules and contact points stay editable in Grafana."""


class GrafanaError(RuntimeError):
    """Grafana refuses or does not answer; the message has the request and what to do."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Grafana:
    """One Grafana; a token is sent as bearer."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout: float = TIMEOUT_SECONDS,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """Raises GrafanaError for an address that is none."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise GrafanaError(f"{url!r}: should be an address such as https://grafana.example.com")
        prefix = parts.path.strip("/")
        self._api = GrafanaFace(
            auth=token,
            host=parts.hostname,
            port=parts.port,
            protocol=parts.scheme,
            url_path_prefix=f"{prefix}/" if prefix else "",
            timeout=timeout,
        ).api
        self._wait = wait

    def close(self) -> None:
        """Close connections."""
        self._api.s.close()

    def get(self, path: str) -> Any:
        """What is there, or None. Raises GrafanaError."""
        try:
            return self._ask("GET", path, None)
        except GrafanaError as error:
            if error.status == 404:
                return None
            raise

    def put(self, path: str, body: Any) -> Any:
        """Replace what is there. Raises GrafanaError."""
        return self._ask("PUT", path, body)

    def post(self, path: str, body: Any, *, repeatable: bool = True) -> Any:
        """Send something; only what is ``repeatable`` is tried again. Raises GrafanaError."""
        return self._ask("POST", path, body, repeatable=repeatable)

    def _ask(self, method: str, path: str, body: Any, *, repeatable: bool = True) -> Any:
        delays = DELAYS if repeatable else ()
        for delay in (*delays, None):
            try:
                return getattr(self._api, method)(path, json=body, headers=_KEEP_EDITABLE)
            except (GrafanaServerError, requests.ConnectionError, requests.Timeout) as error:
                if delay is None:
                    tries = len(delays) + 1
                    raise _error(method, path, error, f" ({tries} tries)") from None
                self._wait(delay)
            except (GrafanaClientError, requests.RequestException) as error:
                raise _error(method, path, error) from None
        raise AssertionError("the last try returns or raises")


def _error(method: str, path: str, error: Exception, tries: str = "") -> GrafanaError:
    request = f"{method} /api{path}"
    if isinstance(error, GrafanaException):
        status = int(error.status_code)
        advice = _ADVICE.get(status, "")
        told = f"{request}: {error.message}{tries}{': ' if advice else ''}{advice}"
        return GrafanaError(told, status)
    return GrafanaError(f"{request}: Grafana does not answer as it should{tries}: {error}")
