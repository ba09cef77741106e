"""Made-up traffic of one stream, in control and with a shift, as the drift benchmarks need it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar.drift.requests import WATCHED, Floats, Requests

MONTH = 600_000
"""Requests of a stream in a month of thirty days."""
START = 1_767_571_200_000_000
"""A Monday at midnight UTC, in microseconds."""
STEP = 30 * 86_400_000_000 // MONTH
REGIMES = ("iid", "autocorrelated", "sessions", "interleaved", "waves", "combined")
MEAN, CONCENTRATION = 0.4, 20.0
SESSION = 20
"""Requests of a session."""
AT_ONCE = 8
"""Sessions that overlap where they are interleaved."""


class Shift(NamedTuple):
    """From request ``at`` on, ``hit`` of the requests lose ``size``."""

    at: int
    hit: float
    size: float = 0.3


def sessions(regime: str, size: int, start: int = 0) -> NDArray[np.int64] | None:
    """``[size]`` number of each request's session; None where there are none."""
    place = start + np.arange(size)
    if regime in ("sessions", "combined"):
        return place // SESSION
    if regime == "interleaved":
        together = SESSION * AT_ONCE
        shuffled = place % together * 67 % together
        numbers: NDArray[np.int64] = place // together * AT_ONCE + shuffled // SESSION
        return numbers
    return None


def level(regime: str, size: int, rng: np.random.Generator, *, start: int = 0) -> Floats:
    """``[size]`` expected values of requests under a regime."""
    found = np.full(size, MEAN)
    if regime in ("autocorrelated", "combined"):
        found += _autoregression(size, rng)
    session = sessions(regime, size, start)
    if session is not None:
        _, place = np.unique(session, return_inverse=True)
        found += rng.normal(0, 0.05, size)[place]
    if regime in ("waves", "combined"):
        found += 0.03 * np.sin(2 * np.pi * times(size, start) / 86_400_000_000)
    return np.clip(found, 0.05, 0.95)


def signal(
    regime: str,
    size: int,
    rng: np.random.Generator,
    *,
    start: int = 0,
    shift: Shift | None = None,
) -> Floats:
    """``[size]`` values of a stream's signal: Beta around `level`."""
    mean = level(regime, size, rng, start=start)
    if shift:
        hit = (np.arange(size) >= shift.at) & (rng.random(size) < shift.hit)
        mean = np.clip(mean - shift.size * hit, 0.02, 0.98)
    return rng.beta(mean * CONCENTRATION, (1 - mean) * CONCENTRATION)


def requests(values: Floats, regime: str, *, start: int = 0, seed: int = 0) -> Requests:
    """The values as the grounding score of requests, ``start`` requests after the first."""
    size = len(values)
    rng = np.random.default_rng(seed)
    lengths = np.column_stack(
        [rng.normal(7, 0.5, size), rng.normal(3, 0.5, size), rng.integers(1, 6, size)]
    )
    signals = np.full((size, len(WATCHED)), np.nan)
    signals[:, 0] = values
    numbers = sessions(regime, size, start)
    named = np.full(size, "") if numbers is None else numbers.astype(str)
    return Requests(times(size, start), named.astype(object), lengths, signals)


def times(size: int, start: int = 0) -> NDArray[np.int64]:
    """``[size]`` microseconds since the epoch, evenly spread."""
    return START + (start + np.arange(size, dtype=np.int64)) * STEP


def _autoregression(size: int, rng: np.random.Generator, keep: float = 0.9) -> Floats:
    """A wander of standard deviation 0.03 that forgets a tenth with each request."""
    from scipy.signal import lfilter

    noise = rng.normal(0, 0.03 * np.sqrt(1 - keep**2), size)
    found: Floats = lfilter([1.0], [1.0, -keep], noise)
    return found
