"""Evidence of a change in the means of blocks, of several lengths at once."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sidecar.drift.blocks import LENGTHS
from sidecar.drift.detectors.base import Floats, State
from sidecar.drift.detectors.edetector import BETS, advance, bets, shortfall


class Evidence:
    """E-detectors for drop and rise of every signal, for each of the block lengths that are used.

    Arrays are ``[2, …, signal, bet]``: drop and rise first. What lies between them may be any
    number of streams at once.
    """

    def __init__(self, lengths: tuple[int, ...], margins: Mapping[int, Floats]) -> None:
        """``margins[length] [2, …, signal]`` in standard deviations of a block's mean."""
        self.lengths = lengths
        self._margins = margins
        self._bets = {one: bets_of(margins[one]) for one in lengths}
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._held = {one: np.zeros((*self._margins[one].shape, BETS)) for one in self.lengths}

    def add(self, length: int, z: Floats) -> None:
        """Take the mean of a block in standard deviations, ``z […, signal]``; NaN adds nothing."""
        if length not in self._held:
            return
        known = np.isfinite(z)
        short = shortfall(np.where(known, z, 0.0), self._margins[length])
        after = advance(self._held[length], short, self._bets[length])
        if not known.all():
            after = np.where(known[..., None], after, self._held[length])
        self._held[length] = after

    def statistic(self) -> Floats:
        """``[…]``: the average over signals, directions and bets, of the length with the most.

        In requests: under the null the mean number of requests until it reaches A is at least A.
        Averages of e-detectors are e-detectors, however signals depend on each other; the lengths
        share the budget, since their blocks do not end together.
        """
        found: Floats = np.max([self._average(one) for one in self.lengths], axis=0)
        return found

    def by_signal(self) -> Floats:
        """``[2, …, signal]`` the same for each direction and signal."""
        found: Floats = np.max(
            [self._held[one].mean(axis=-1) * one / len(self.lengths) for one in self.lengths],
            axis=0,
        )
        return found

    def state(self) -> State:
        """As JSON has it."""
        return {str(one): self._held[one].tolist() for one in self.lengths}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state` with the same lengths and signals. Raises ValueError."""
        for one in self.lengths:
            held = np.asarray(state[str(one)], dtype=np.float64)
            if held.shape != self._held[one].shape:
                raise ValueError(
                    f"evidence of blocks of {one} has shape {held.shape}, "
                    f"expected {self._held[one].shape}"
                )
            self._held[one] = held

    def _average(self, length: int) -> Floats:
        held = self._held[length]
        average: Floats = held.mean(axis=(0, -2, -1)) * (length / len(self.lengths))
        return average


def bets_of(margins: Floats) -> Floats:
    """``[2, …, signal, bet]``."""
    return np.stack([bets(margin) for margin in margins.ravel()]).reshape(*margins.shape, BETS)


def usable(independent: Mapping[int, bool]) -> tuple[int, ...]:
    """The lengths whose neighbouring blocks can be taken for independent."""
    return tuple(one for one in LENGTHS if independent.get(one))
