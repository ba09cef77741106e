"""Blocks of requests in a row, for estimates; what they leave over waits for the next batch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LENGTH = 5
"""Requests of a block, of which change points are made."""
LENGTHS = (5, 20, 80, 320)
"""At which a reference's likeness of neighbours is looked at."""


@dataclass(frozen=True)
class Rows:
    """Requests as the regression sees them; columns are signals, NaN is not measured."""

    residual: Floats
    """[n, signals]"""
    explained: Floats
    """[n, signals] by lengths and hours, from the reference's mean."""
    outside: Floats
    """[n] 1 where the reference does not cover the request's lengths."""
    time: Floats
    """[n] microseconds since the epoch, exact until the year 2255."""

    def __len__(self) -> int:
        return len(self.time)

    @property
    def parts(self) -> tuple[Floats, Floats, Floats, Floats]:
        """The columns, in order."""
        return self.residual, self.explained, self.outside, self.time

    def cut(self, first: int, last: int | None = None) -> "Rows":
        """Some in a row."""
        return Rows(*(part[first:last] for part in self.parts))

    def after(self, other: "Rows") -> "Rows":
        """``other`` and then these."""
        pairs = zip(other.parts, self.parts, strict=True)
        return Rows(*(np.concatenate(pair) for pair in pairs))


@dataclass(frozen=True)
class Blocks:
    """Means of requests in a row."""

    residual: Floats
    """[blocks, signals]"""
    explained: Floats
    outside: Floats
    """[blocks]"""
    first: Floats
    """[blocks] times of the first requests."""
    requests: int
    """In each."""

    def __len__(self) -> int:
        return len(self.first)


def blocks(rows: Rows, length: int = LENGTH) -> Blocks:
    """All whole blocks of ``rows``."""
    count = len(rows) // length
    whole = rows.cut(0, count * length)
    return Blocks(
        means(whole.residual, count),
        means(whole.explained, count),
        whole.outside.reshape(count, length).mean(axis=1),
        whole.time[::length],
        length,
    )


def means(values: Floats, count: int) -> Floats:
    """``[count, columns]`` means of ``values [n, columns]`` without NaN; NaN where there is none.

    >>> means(np.array([[1.0], [np.nan], [np.nan], [np.nan]]), 2).ravel()
    array([ 1., nan])
    """
    shaped = values.reshape(count, -1, values.shape[1]) if count else values[:0, None]
    known = np.isfinite(shaped)
    found: Floats = np.full((count, values.shape[1]), np.nan)
    number, total = (
        np.einsum("blc->bc", each) for each in (known * 1.0, np.where(known, shaped, 0.0))
    )
    np.divide(total, number, out=found, where=number > 0)
    return found
