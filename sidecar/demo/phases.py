"""One stretch of traffic, before or after the rollout, and the figures that are compared."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import stdev

from sidecar.demo.readings import Reading, Window
from sidecar.demo.traffic import Tally
from sidecar.schema import SIGNAL_NAMES

ACCURACY = "accuracy"
TITLES: Mapping[str, str] = {
    ACCURACY: "answers right",
    "context_share": "context share",
    "copy_rate": "copy rate",
    "retrieval_rate": "retrieval rate",
    "grounding_score": "grounding score",
}
SIGNALS = tuple(name for name in TITLES if name in SIGNAL_NAMES)
FIGURES = (ACCURACY, *SIGNALS)
"""What is shown and compared: how users fare, then what attention does."""
BUCKET_READINGS = 3
_FEWEST_BUCKETS = 3


@dataclass(frozen=True)
class Phase:
    """What the demo's users got and what the daemon published meanwhile."""

    title: str
    tally: Tally
    readings: list[Reading]
    """About one a second, the first from before the first request."""

    @property
    def window(self) -> Window:
        """From the first reading to the last."""
        return Window(self.readings[0], self.readings[-1])

    def mean(self, figure: str) -> float | None:
        """A figure over the whole phase; None when it was not measured."""
        return self.tally.accuracy() if figure == ACCURACY else self.window.mean(figure)

    def has(self, figure: str) -> bool:
        """Whether a figure was measured at all."""
        return self.mean(figure) is not None

    def series(self, figure: str) -> list[float | None]:
        """The same for every three readings, in order."""
        return [self._within(figure, window) for window in self._buckets()]

    def error(self, figure: str) -> float | None:
        """Standard error of the mean; for a signal from the scatter of its series.

        None where nothing was measured, or fewer than three of the series.
        """
        if figure == ACCURACY:
            return self.tally.accuracy_error()
        measured = [value for value in self.series(figure) if value is not None]
        if len(measured) < _FEWEST_BUCKETS:
            return None
        return stdev(measured) / math.sqrt(len(measured))

    def _within(self, figure: str, window: Window) -> float | None:
        if figure == ACCURACY:
            return self.tally.accuracy(window.start.time, window.end.time)
        return window.mean(figure)

    def _buckets(self) -> list[Window]:
        edges = self.readings[::BUCKET_READINGS]
        return [Window(*pair) for pair in pairwise(edges)]
