"""What would change: our fields against what Grafana holds; fields it adds are its own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_NAMES = ("uid", "id", "refId", "name")
"""Fields of which one names each thing of a list: rules, panels, queries, variables."""


def differences(wanted: Any, found: Any, path: str = "") -> Iterator[str]:
    """A line for each of our fields that differs.

    >>> list(differences({"a": [{"b": 1}], "c": 2}, {"a": [{"b": 3, "id": 7}], "c": 2}))
    ['a[0].b: 3 → 1']
    >>> list(differences({"a": [{"id": 1, "b": 1}, {"id": 2}]}, {"a": [{"id": 1, "b": 3}]}))
    ['a[id=1].b: 3 → 1', 'a[id=2]: not there']
    """
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name, value in wanted.items():
            where = f"{path}.{name}" if path else str(name)
            yield from differences(value, found.get(name), where)
    elif _is_list(wanted) and _is_list(found):
        yield from _of_lists(wanted, found, path)
    elif wanted != found:
        yield f"{path}: {_short(found)} → {_short(wanted)}"


def _of_lists(wanted: Sequence[Any], found: Sequence[Any], path: str) -> Iterator[str]:
    """By place where all are at the same, by name where some came, went or moved."""
    name = next((one for one in _NAMES if _names(one, wanted) and _names(one, found)), None)
    if name and _called(name, wanted) != _called(name, found):
        yield from _of_named(name, wanted, found, path)
    elif len(wanted) != len(found):
        yield f"{path}: {len(found)} items → {len(wanted)} items"
    else:
        for place, pair in enumerate(zip(wanted, found, strict=True)):
            yield from differences(*pair, f"{path}[{place}]")


def _of_named(name: str, wanted: Sequence[Any], found: Sequence[Any], path: str) -> Iterator[str]:
    ours, theirs = (dict(zip(_called(name, some), some, strict=True)) for some in (wanted, found))
    for called, one in ours.items():
        where = f"{path}[{name}={called}]"
        if called in theirs:
            yield from differences(one, theirs[called], where)
        else:
            yield f"{where}: not there"
    yield from (f"{path}[{name}={called}]: goes" for called in theirs if called not in ours)
    common = [[one for one in some if one in ours and one in theirs] for some in (ours, theirs)]
    if common[0] != common[1]:
        yield f"{path}: another order"


def _called(name: str, some: Sequence[Any]) -> list[Any]:
    return [one[name] for one in some]


def _names(name: str, some: Sequence[Any]) -> bool:
    """Whether the field tells the things of a list apart."""
    if not all(isinstance(one, Mapping) and name in one for one in some):
        return False
    return len({str(one[name]) for one in some}) == len(some)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _short(value: Any) -> str:
    if _is_list(value):
        return f"{len(value)} items"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
