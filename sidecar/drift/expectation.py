"""What requests' lengths and hours add to the mean of each signal, by its frozen regression."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar.drift.baseline.artefact import SignalBaseline
from sidecar.drift.features import LENGTHS, WAVES, waves
from sidecar.drift.requests import Floats, Requests


class _Alike(NamedTuple):
    """Signals whose reference has lengths within the same bounds."""

    places: NDArray[np.int64]
    low: Floats
    """[lengths]"""
    high: Floats
    slopes: Floats
    """[lengths, places]"""
    centre: Floats
    """[places] what is added at the lengths' centres."""


class Expectation:
    """The regressions of some signals of one stream; those with the same bounds are one."""

    def __init__(self, signals: Sequence[SignalBaseline], first: int = 0) -> None:
        """``first`` is the signal whose bounds tell which lengths the reference covers."""
        self.means = np.asarray([one.mean for one in signals])
        """[signals] of the reference, to which `of` adds."""
        column = {
            name: np.stack([one.column(name) for one in signals])
            for name in ("value", "centre", "low", "high")
        }
        lengths = {name: each[:, : len(LENGTHS)] for name, each in column.items()}
        self._low, self._high = lengths["low"][first], lengths["high"][first]
        self._alike = _alike(**lengths)
        slopes, centres = (column[name][:, -len(WAVES) :] for name in ("value", "centre"))
        self._waves, self._centre = slopes.T, (slopes * centres).sum(axis=1)

    def of(self, requests: Requests) -> Floats:
        """``[n, signals]``."""
        found = np.empty((len(requests), len(self._centre)))
        for one in self._alike:
            inside = np.clip(requests.lengths, one.low, one.high)
            found[:, one.places] = inside @ one.slopes - one.centre
        if self._waves.any():
            found += waves(requests.time) @ self._waves - self._centre
        return found

    def uncovered(self, requests: Requests) -> Floats:
        """``[n]`` 1 where the reference has no such lengths, else 0."""
        lengths = requests.lengths
        beyond = (lengths < self._low) | (lengths > self._high)
        return np.asarray(beyond.any(axis=1), dtype=np.float64)


def _alike(value: Floats, centre: Floats, low: Floats, high: Floats) -> list[_Alike]:
    """By bounds; all are ``[signals, lengths]``."""
    bounds, group = np.unique(np.hstack([low, high]), axis=0, return_inverse=True)
    found = []
    for number, (least, most) in enumerate(bounds.reshape(len(bounds), 2, -1)):
        places = np.flatnonzero(group == number)
        added = (value * centre)[places].sum(axis=1)
        found.append(_Alike(places, least, most, value[places].T, added))
    return found
