"""ADWIN, from river."""

from collections.abc import Mapping
from typing import Any, Self

from sidecar.drift.detectors.base import Floats, Sequential, State

MEMORY = 1024
"""Values after which the window is rebuilt from its latest half."""


class Adwin(Sequential):
    """Alarms when two parts of a window of recent values differ in their mean.

    Needs no reference. The library's window compresses without a bound on its length and cannot be
    saved; here it is rebuilt from the latest 512 values whenever 1,024 are held, which bounds it,
    and a restart replays what is held. Changes that only more values show are not found. NaN would
    silence the library's detector for good, and does not reach it.

    Source: Bifet and Gavaldà 2007, "Learning from time-changing data with adaptive windowing".

    >>> detector = Adwin()
    >>> detector.update([0.4, 0.41] * 200)
    []
    >>> len(detector.update([0.1, 0.11] * 200)) > 0
    True
    """

    name = "adwin"

    def __init__(self, confidence: float = 0.002) -> None:
        super().__init__()
        self.confidence = confidence
        self.reset()

    @classmethod
    def of(cls, reference: Floats) -> Self:  # noqa: ARG003 - needs none
        return cls()

    @property
    def statistic(self) -> float:
        """1 when it has just found a change, else 0."""
        return float(self._library.drift_detected)

    @property
    def threshold(self) -> float:
        return 1.0

    def reset(self) -> None:
        self._replay([])

    def _add(self, value: float) -> None:
        if len(self._held) == MEMORY:
            self._replay(self._held[MEMORY // 2 :])
        self._held.append(value)
        self._library.update(value)

    def _replay(self, values: list[float]) -> None:
        from river.drift import ADWIN

        self._library = ADWIN(delta=self.confidence)
        self._held = list(values)
        for value in values:
            self._library.update(value)

    def _memory(self) -> State:
        return {"held": self._held}

    def _recall(self, memory: Mapping[str, Any]) -> None:
        self._replay(memory["held"])
