"""Grafana's HTTP API behind one small class: a token, retries, errors that say what to do."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult

import requests
import urllib3
from grafana_api.grafana_face import GrafanaFace

from sidecar.grafana.addresses import AddressError, address

TIMEOUT_SECONDS = 20.0
DELAYS = (0.5, 1.0, 2.0)
"""Seconds before each further try; a Grafana that is asked too much may ask for more."""
LONGEST_SECONDS = 60.0
"""What is waited at most before a further try, whatever Grafana asks for."""
_ADVICE = {
    401: "the token is missing, wrong or expired; set GRAFANA_TOKEN to a service account's",
    403: "the token's service account may not do this; it needs the role Editor or Admin, "
    "and in Grafana Enterprise and Cloud the permission datasources:read",
    409: "it exists under another uid",
    412: "somebody changed it meanwhile; look at it and publish again",
    429: "Grafana is asked too much; try again later",
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
        """Raises GrafanaError for an address or a token that is none."""
        parts = _checked(url, token)
        prefix = parts.path.strip("/")
        self._api = GrafanaFace(
            auth=token,
            host=parts.hostname,
            port=parts.port,
            protocol=parts.scheme,
            url_path_prefix=f"{prefix}/" if prefix else "",
            timeout=timeout,
        ).api
        self._api.s.hooks["response"].append(_refused)
        self._url, self._wait = url, wait

    def check(self) -> None:
        """Raises GrafanaError unless a Grafana answers."""
        found = self.get("/health")
        if not isinstance(found, dict) or "database" not in found:
            raise GrafanaError(
                f"--url {self._url!r}: no Grafana answers GET /api/health there; should be "
                "Grafana's address, with the path below which it is served where it has one"
            )

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
        """Send something; what is not ``repeatable`` is sent again only if it was not done.

        Raises GrafanaError.
        """
        return self._ask("POST", path, body, repeatable=repeatable)

    def _ask(self, method: str, path: str, body: Any, *, repeatable: bool = True) -> Any:
        for tries, delay in enumerate((*DELAYS, None), 1):
            try:
                return getattr(self._api, method)(path, json=body, headers=_KEEP_EDITABLE)
            except (_Refused, requests.ConnectionError, requests.Timeout) as error:
                pause = _pause(error, delay, repeatable)
                if pause is None:
                    raise _error(method, path, error, tries) from None
                self._wait(pause)
            except requests.RequestException as error:
                raise _error(method, path, error) from None
        raise AssertionError("the last try returns or raises")


class _Refused(Exception):
    """An answer that is no answer; ``after`` are the seconds that Grafana asks to wait."""

    def __init__(self, response: requests.Response) -> None:
        self.status = response.status_code
        self.after = _seconds(response.headers.get("retry-after"))
        self.advice = _ADVICE.get(self.status) or _elsewhere(response)
        super().__init__(f"{self.status}: {_message(response)}")


def _refused(response: requests.Response, **_: Any) -> None:
    """Raises what the library would, with the header Retry-After, which the library drops.

    A redirect too: followed, a POST would become a GET, be answered, and store nothing.
    """
    if response.status_code >= 300:
        raise _Refused(response)


def _message(response: requests.Response) -> str:
    try:
        found = response.json()
    except ValueError:
        found = None
    told = found.get("message") if isinstance(found, dict) else None
    return str(told or response.reason or "no reason given")


def _elsewhere(response: requests.Response) -> str | None:
    base, found, _ = response.headers.get("location", "").partition("/api/")
    return f"--url should be the address that it redirects to: {base}" if found else None


def _seconds(header: str | None) -> float | None:
    """Retry-After, in seconds or as a date; None when it says neither."""
    try:
        return urllib3.Retry().parse_retry_after(header) if header else None
    except urllib3.exceptions.InvalidHeader:
        return None


def _pause(error: Exception, delay: float | None, repeatable: bool) -> float | None:
    """Seconds until a further try; None when there is to be none.

    What was answered by 429 was not done, so it is tried again even if it is not repeatable.
    """
    if isinstance(error, _Refused) and error.status == 429:
        pause = None if delay is None else max(delay, error.after or 0.0)
        return pause if pause is not None and pause <= LONGEST_SECONDS else None
    is_lasting = isinstance(error, _Refused) and error.status < 500
    return delay if repeatable and not is_lasting else None


def _error(method: str, path: str, error: Exception, tries: int = 1) -> GrafanaError:
    request, tried = f"{method} /api{path}", f" ({tries} tries)" if tries > 1 else ""
    if not isinstance(error, _Refused):
        return GrafanaError(f"{request}: Grafana does not answer as it should{tried}: {error}")
    told = f"{request}: {error}{tried}"
    advice = error.advice
    if advice and error.after:
        advice = f"{advice}, after {error.after:.0f} s"
    return GrafanaError(f"{told}: {advice}" if advice else told, error.status)


def _checked(url: str, token: str) -> SplitResult:
    if not (token.isascii() and token.isprintable() and token.strip()):
        raise GrafanaError(
            "the token (--token or GRAFANA_TOKEN) is empty or holds what no token has; "
            "should be a service account's, such as glsa_…"
        )
    try:
        return address(url, "https://grafana.example.com")
    except AddressError as error:
        raise GrafanaError(f"--url {error}") from None
