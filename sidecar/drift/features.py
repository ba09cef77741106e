"""What a request's signal is expected from: lengths, documents, and the hour of the week."""

import numpy as np
from numpy.typing import NDArray

from sidecar.drift.requests import Floats, Requests

DAY_HARMONICS, WEEK_HARMONICS = 3, 2
LENGTHS = ("context_tokens", "output_position", "documents")
WAVES = tuple(
    f"{period}_{wave}_{number}"
    for period, count in (("day", DAY_HARMONICS), ("week", WEEK_HARMONICS))
    for number in range(1, count + 1)
    for wave in ("sin", "cos")
)
FEATURES = (*LENGTHS, *WAVES)
"""Columns of a design. Hours enter as a few waves: an offset for each of 168 hours would be known
worse than the margin of a usual reference."""

_HOUR = 3_600_000_000
_WEEK = 168 * _HOUR


def design(requests: Requests) -> Floats:
    """``[n, features]``."""
    return np.column_stack([requests.lengths, waves(requests.time)])


def waves(time: NDArray[np.int64]) -> Floats:
    """``[n, waves]`` of the day and of the week, in UTC."""
    week = np.exp(2j * np.pi / _WEEK * (time % _WEEK))
    day = week**7
    turns = [day**power for power in range(1, DAY_HARMONICS + 1)]
    turns += [week**power for power in range(1, WEEK_HARMONICS + 1)]
    sines_first = 1j * np.stack(turns, axis=1).conj()
    return sines_first.view(np.float64)


def uncovered(time: NDArray[np.int64]) -> str:
    """The period, `day` or `week`, of which they lack hours on two of it; empty when none."""
    flags = dict(zip(FEATURES, covered(time).tolist(), strict=True))
    for period in ("day", "week"):
        if not flags[f"{period}_sin_1"]:
            return period
    return ""


def covered(time: NDArray[np.int64]) -> NDArray[np.bool_]:
    """``[features]``: hours count where all of the day, or week, was seen on two of them."""
    flags = np.ones(len(FEATURES), dtype=bool)
    for name, period in (("day", 24), ("week", 168)):
        seen = np.unique(time // _HOUR)
        twice = np.bincount(seen % period, minlength=period).min(initial=2) >= 2
        flags[[feature.startswith(name) for feature in FEATURES]] = twice
    return flags
