"""What would change: our fields against what Grafana holds; fields it adds are its own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def differences(wanted: Any, found: Any, path: str = "") -> Iterator[str]:
    """A line for each of our fields that differs.

    >>> list(differences({"a": [{"b": 1}], "c": 2}, {"a": [{"b": 3, "id": 7}], "c": 2}))
    ['a[0].b: 3 → 1']
    """
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name, value in wanted.items():
            where = f"{path}.{name}" if path else str(name)
            yield from differences(value, found.get(name), where)
    elif _is_list(wanted) and _is_list(found) and len(wanted) == len(found):
        for place, pair in enumerate(zip(wanted, found, strict=True)):
            yield from differences(*pair, f"{path}[{place}]")
    elif wanted != found:
        yield f"{path}: {_short(found)} → {_short(wanted)}"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _short(value: Any) -> str:
    if _is_list(value):
        return f"{len(value)} items"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
