"""Bounds the values that a label can take."""

from collections.abc import Callable

OTHER = "other"
NONE = "none"
LONGEST = 128
"""Characters of a label value; longer ones are cut."""


class Cap:
    """Passes the first ``limit`` values through, and `other` for any further one."""

    def __init__(self, limit: int, overflow: Callable[[], object] | None = None) -> None:
        self._limit = limit
        self._overflow = overflow
        self._values: dict[str, str] = {}

    def __call__(self, value: str | None) -> str:
        """The label value for this tag; `none` when there is none."""
        if not value:
            return NONE
        known = self._values.get(value)
        if known is not None:
            return known
        if len(self._values) < self._limit:
            return self._values.setdefault(value, value[:LONGEST])
        if self._overflow is not None:
            self._overflow()
        return OTHER
