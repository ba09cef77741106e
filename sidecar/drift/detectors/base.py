"""What every detector is: fed with values, bounded in memory, and saved as plain data."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
State = dict[str, Any]

STATE_VERSION = 1
SMALLEST_SCALE = 1e-6
"""Standard deviation that a constant reference is taken to have; signals lie in [0, 1]."""


class StateError(ValueError):
    """A saved state that is not this detector's; the message says what it is."""


class Detector(ABC):
    """Watches one stream of numbers and says at which of them it alarms.

    - NaN and infinity are counted in `unmeasured` and otherwise ignored: with and without them the
      detector is in the same state.
    - A constant stream at the reference's mean never alarms.
    - A gap in time is nothing: only values count, and what is known is kept.
    - A restart loses nothing: `state` goes through JSON, and `restore` goes on as if uninterrupted.
    - After an alarm it starts anew with the next value; `count` and `unmeasured` go on.
    - Memory is bounded, whatever the stream. One batch or many make no difference.
    """

    name: ClassVar[str]
    pages: ClassVar[bool] = True
    """Whether it alarms; a gauge does not, and its threshold is infinite."""

    def __init__(self) -> None:
        self.count = 0
        """Values taken."""
        self.unmeasured = 0
        """Values that were not finite."""

    @classmethod
    @abstractmethod
    def of(cls, reference: Floats) -> Self:
        """With its usual settings, for streams like the finite ``reference [n]``, n ≥ 2."""

    @property
    @abstractmethod
    def statistic(self) -> float:
        """What is compared with `threshold`; finite, and 0 before the first value."""

    @property
    @abstractmethod
    def threshold(self) -> float:
        """Alarms when `statistic` reaches it."""

    @abstractmethod
    def reset(self) -> None:
        """Forget all evidence."""

    @abstractmethod
    def _take(self, values: Floats) -> list[int]:
        """Take finite values; indices of those at which it alarmed."""

    @abstractmethod
    def _memory(self) -> State:
        """All that `_recall` needs, as JSON has it."""

    @abstractmethod
    def _recall(self, memory: Mapping[str, Any]) -> None: ...

    def update(self, values: ArrayLike) -> list[int]:
        """Take values in order; indices of those at which it alarmed."""
        array = np.asarray(values, dtype=np.float64).ravel()
        measured = np.flatnonzero(np.isfinite(array))
        self.count += len(measured)
        self.unmeasured += len(array) - len(measured)
        return [int(measured[place]) for place in self._take(array[measured])]

    def state(self) -> State:
        """What a restart needs, as JSON has it; settings are not part of it."""
        return {
            "detector": self.name,
            "version": STATE_VERSION,
            "count": self.count,
            "unmeasured": self.unmeasured,
            "memory": self._memory(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state` of a detector with the same settings. Raises StateError."""
        found = state.get("detector"), state.get("version")
        if found != (self.name, STATE_VERSION):
            wanted = f"{self.name!r}, version {STATE_VERSION}"
            raise StateError(f"state is of {found[0]!r}, version {found[1]}, expected {wanted}")
        self.count, self.unmeasured = int(state["count"]), int(state["unmeasured"])
        self._recall(state["memory"])


class Sequential(Detector):
    """A detector that takes one value at a time."""

    @abstractmethod
    def _add(self, value: float) -> None: ...

    def _take(self, values: Floats) -> list[int]:
        alarms = []
        for place, value in enumerate(values.tolist()):
            self._add(value)
            if self.statistic >= self.threshold:
                alarms.append(place)
                self.reset()
        return alarms


def mean_and_scale(reference: Floats) -> tuple[float, float]:
    """Mean and standard deviation, never 0. Raises ValueError for a reference of no use."""
    if len(reference) < 2 or not np.isfinite(reference).all():
        raise ValueError(f"reference has {len(reference)} values, expected 2 or more, all finite")
    return float(reference.mean()), max(float(reference.std(ddof=1)), SMALLEST_SCALE)
