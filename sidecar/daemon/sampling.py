"""The sampling settings in force: changed by the HTTP side, announced by the intake."""

import threading
from typing import Any

from pydantic import ValidationError

from sidecar.config import Sampling


class Refused(ValueError):
    """A change that is not valid; ``problems`` has field, message and value for each."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(f"{p['field']}: {p['message']}" for p in problems))
        self.problems = problems


class SamplingControl:
    """Holds the settings; safe to use from several threads.

    Changes last until the daemon stops: the next start takes its settings from the file, the
    environment and the flags again.
    """

    def __init__(self, initial: Sampling) -> None:
        self._lock = threading.Lock()
        self._current = initial
        self.revision = 0

    @property
    def current(self) -> Sampling:
        """The settings in force."""
        return self._current

    def change(self, fields: dict[str, Any]) -> Sampling:
        """Replace some fields; raises Refused and changes nothing when one is wrong."""
        with self._lock:
            try:
                changed = Sampling.model_validate({**self._current.model_dump(), **fields})
            except ValidationError as error:
                raise Refused([_problem(detail) for detail in error.errors()]) from None
            self._current = changed
            self.revision += 1
            return changed


def _problem(detail: Any) -> dict[str, Any]:
    unknown = detail["type"] == "extra_forbidden"
    return {
        "field": ".".join(str(part) for part in detail["loc"]),
        "message": "unknown setting" if unknown else detail["msg"],
        "value": repr(detail["input"])[:200],
    }
