"""What Prometheus answers: asked live, or read from a recording of earlier answers."""

import gzip
import json
import math
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx

_SECONDS = 30.0
_OURS = '{__name__=~"attention_.+"}'
Result = list[dict[str, Any]]
"""Prometheus's ``data.result``: objects with ``metric`` and ``value`` or ``values``."""


class PreviewError(RuntimeError):
    """Prometheus does not answer, refuses a query, or a recording lacks it."""


_Found = TypeVar("_Found")


class Answers(Protocol):
    """Where results come from."""

    def at(self, expr: str, time: float) -> Result:
        """Result of an instant query. Raises PreviewError."""

    def over(self, expr: str, start: float, end: float, step: float) -> Result:
        """Result of a range query. Raises PreviewError."""

    def values(self, label: str, start: float, end: float) -> list[str]:
        """Values that a label has on our metrics. Raises PreviewError."""


class Live:
    """A Prometheus, or what speaks its HTTP API."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def at(self, expr: str, time: float) -> Result:
        """Result of an instant query. Raises PreviewError."""
        return self._ask("query", {"query": expr, "time": time})

    def over(self, expr: str, start: float, end: float, step: float) -> Result:
        """Result of a range query. Raises PreviewError."""
        return self._ask("query_range", {"query": expr, "start": start, "end": end, "step": step})

    def values(self, label: str, start: float, end: float) -> list[str]:
        """Values that a label has on our metrics. Raises PreviewError."""
        asked: dict[str, str | float] = {"match[]": _OURS, "start": start, "end": end}
        return list(self._answer(f"label/{label}/values", partial(httpx.get, params=asked)))

    def _ask(self, kind: str, parameters: dict[str, Any]) -> Result:
        asked = partial(httpx.post, data=parameters)
        return list(self._answer(kind, asked, parameters["query"])["result"])

    def _answer(self, path: str, ask: Callable[..., httpx.Response], query: str = "") -> Any:
        try:
            found = ask(f"{self._url}/api/v1/{path}", timeout=_SECONDS).json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise PreviewError(f"{self._url} did not answer: {error}") from None
        if not isinstance(found, dict) or "status" not in found:
            raise PreviewError(f"{self._url} did not answer as a Prometheus does")
        if found["status"] != "success":
            raise PreviewError(f"{found.get('error')}: {query or path}")
        return found["data"]


class Recording:
    """Asks once and keeps the answers, for further panels and a file that `Recorded` reads."""

    def __init__(self, source: Answers) -> None:
        self._source = source
        self._kept: dict[str, Any] = {}

    def at(self, expr: str, time: float) -> Result:
        """Result of an instant query. Raises PreviewError."""
        return self._once(f"at {expr}", lambda: self._source.at(expr, time))

    def over(self, expr: str, start: float, end: float, step: float) -> Result:
        """Result of a range query. Raises PreviewError."""
        return self._once(f"over {expr}", lambda: self._source.over(expr, start, end, step))

    def values(self, label: str, start: float, end: float) -> list[str]:
        """Values that a label has on our metrics. Raises PreviewError."""
        return self._once(f"values {label}", lambda: self._source.values(label, start, end))

    def _once(self, key: str, ask: Callable[[], _Found]) -> _Found:
        if key not in self._kept:
            self._kept[key] = ask()
        found: _Found = self._kept[key]
        return found

    def save(self, file: Path, start: float, end: float, scrape: float) -> None:
        """Write all answers so far, compressed, with the span and scrape interval they are of.

        Raises PreviewError.
        """
        whole = {"start": start, "end": end, "scrape": scrape, "answers": self._kept}
        try:
            file.write_bytes(gzip.compress(json.dumps(whole).encode(), mtime=0))
        except OSError as error:
            raise PreviewError(f"{str(file)!r} cannot be written: {error.strerror}") from None


class Recorded:
    """A recording; times are those of the recording."""

    def __init__(self, file: Path) -> None:
        """Raises PreviewError."""
        try:
            whole = json.loads(gzip.decompress(file.read_bytes()))
        except (OSError, ValueError, EOFError, zlib.error) as error:
            raise PreviewError(f"{str(file)!r} is no recording: {error}") from None
        self.start, self.end, self.scrape = (
            _seconds(file, whole, name) for name in ("start", "end", "scrape")
        )
        self._kept: dict[str, Any] = whole.get("answers", {})

    def at(self, expr: str, time: float) -> Result:  # noqa: ARG002
        """Result of an instant query. Raises PreviewError."""
        return list(self._find(f"at {expr}"))

    def over(self, expr: str, start: float, end: float, step: float) -> Result:  # noqa: ARG002
        """Result of a range query. Raises PreviewError."""
        return list(self._find(f"over {expr}"))

    def values(self, label: str, start: float, end: float) -> list[str]:  # noqa: ARG002
        """Values that a label has on our metrics. Raises PreviewError."""
        return list(self._find(f"values {label}"))

    def _find(self, key: str) -> Any:
        if key not in self._kept:
            raise PreviewError(f"the recording lacks the query: {key}")
        return self._kept[key]


def _seconds(file: Path, whole: Any, name: str) -> float:
    found = whole.get(name) if isinstance(whole, dict) else None
    if not isinstance(found, int | float) or not math.isfinite(found) or found <= 0:
        raise PreviewError(
            f"{str(file)!r} is no recording of this version: {name} is {found!r} and should be "
            "seconds; make it anew with --record"
        )
    return float(found)
