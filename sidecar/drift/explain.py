"""After an alarm, and only then: which layers, documents and tags moved most."""

from collections.abc import Iterator
from math import hypot, sqrt
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from sidecar.drift.requests import Floats
from sidecar.schema import LAYER_SIGNAL_NAMES

FEWEST = 20
"""Samples that a group has on either side, to be ranked."""
WHOLE = 0.95
"""Share of the samples from which on a group is as good as all."""


class Moved(NamedTuple):
    """One group, before and after."""

    kind: str
    """`layer`, `documents` or `tag`; `new` is a tag, or a revision, that came with it."""
    name: str
    before: float
    after: float
    z: float
    """Difference over its standard error; for ranking, not for testing."""


def rank(before: pa.Table, after: pa.Table, signal: str, *, most: int = 5) -> list[Moved]:
    """Groups of archived samples before and after a change, the most moved first.

    Needs the columns `tags`, `documents_found`, the signal and, where there is one, its
    ``layer_`` column. Groups with fewer than 20 samples on either side are left out, and so are
    tags and numbers of documents that all have: they moved as everything did.
    """
    there, here = dict(_groups(before, signal)), dict(_groups(after, signal))
    shared = [key for key in there if key in here]
    shared = [
        (kind, name)
        for kind, name in shared
        if kind == "layer"
        or len(there[kind, name]) < WHOLE * len(before)
        or len(here[kind, name]) < WHOLE * len(after)
    ]
    moved = [_moved(*key, there[key], here[key]) for key in shared]
    return sorted(filter(None, moved), key=lambda one: -abs(one.z))[:most]


def _groups(table: pa.Table, signal: str) -> Iterator[tuple[tuple[str, str], Floats]]:
    values = table.column(signal).to_numpy().astype(np.float64)
    if signal in LAYER_SIGNAL_NAMES:
        yield from _layers(table, signal)
    found = table.column("documents_found").to_numpy()
    for count in np.unique(found).tolist():
        yield ("documents", str(count)), values[found == count]
    tags = [_texts(row) for row in table.column("tags").to_pylist()]
    for tag in sorted(set().union(*tags)):
        yield ("tag", tag), values[[tag in row for row in tags]]


def _layers(table: pa.Table, signal: str) -> Iterator[tuple[tuple[str, str], Floats]]:
    layers = table.column("layers").to_pylist()
    values = table.column(f"layer_{signal}").to_pylist()
    found: dict[int, list[float]] = {}
    for names, row in zip(layers, values, strict=True):
        for name, value in zip(names, row, strict=True):
            found.setdefault(name, []).append(np.nan if value is None else value)
    for name, column in sorted(found.items()):
        yield ("layer", str(name)), np.asarray(column)


def _texts(tags: Any) -> set[str]:
    return {f"{name}={value}" for name, value in dict(tags or {}).items()}


def _moved(kind: str, name: str, before: Floats, after: Floats) -> Moved | None:
    there, here = before[np.isfinite(before)], after[np.isfinite(after)]
    if min(len(there), len(here)) < FEWEST:
        return None
    first, second = float(there.mean()), float(here.mean())
    error = hypot(there.std() / sqrt(len(there)), here.std() / sqrt(len(here)))
    return Moved(kind, name, first, second, (second - first) / max(error, 1e-9))
