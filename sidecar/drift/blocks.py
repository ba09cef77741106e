"""Blocks of requests: cut by count, and between sessions where these are known."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MERGED = 4
"""Blocks of one length that make one of the next."""
LENGTHS = (5, 20, 80)
"""Requests of a block; several at once, since short ones find large changes sooner."""
STRETCH = 4
"""How many times its length a block may become while it waits for the end of a session."""


def ends(session: NDArray[Any], length: int = LENGTHS[0]) -> NDArray[np.int64]:
    """One past the last request of each block of ``session [n]``; what is left over has no block.

    >>> ends(np.array(["", "", "", ""]), 2)
    array([2, 4])
    >>> ends(np.array(["a", "a", "a", "b", "b"]), 2)
    array([3])
    """
    if not session.astype(bool).any():
        return np.arange(length, len(session) + 1, length)
    found, start = [], 0
    for place in range(length, len(session) + 1):
        if place - start >= length and _closes(session, place, place - start >= STRETCH * length):
            found.append(place)
            start = place
    return np.asarray(found, dtype=np.int64)


def means(values: Floats, last: NDArray[np.int64]) -> Floats:
    """``[blocks, …]`` means of ``values [n, …]`` without NaN; NaN where nothing was measured."""
    if not len(last):
        return np.empty((0, *values.shape[1:]))
    first = np.concatenate(([0], last[:-1]))
    known = np.isfinite(values)
    total = np.add.reduceat(np.where(known, values, 0.0)[: last[-1]], first, axis=0)
    count = np.add.reduceat(known[: last[-1]].astype(np.int64), first, axis=0)
    out: Floats = np.full(total.shape, np.nan)
    np.divide(total, count, out=out, where=count > 0)
    return out


def merged(values: Floats) -> Floats:
    """Means of every `MERGED` blocks ``[blocks, …]``: blocks of the next length."""
    count = len(values) // MERGED * MERGED
    return means(values, np.arange(MERGED, count + 1, MERGED))


def _closes(session: NDArray[Any], place: int, full: bool) -> bool:
    """Whether a session ends before ``place``; of one that is not known, every request is."""
    last = session[place - 1]
    if full or not last:
        return True
    return place < len(session) and bool(session[place] != last)
