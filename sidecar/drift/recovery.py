"""Whether the change that an alert told of is over."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from sidecar.drift.detectors.base import Floats, State

SURE = 4.0
"""Standard errors by which an alert's shift may be estimated too large: it is looked for where
chance has helped."""
CERTAIN = math.log(100_000)
"""Evidence that a change is over. One that lasts is mistaken for it once in 100,000 requests."""
WIDER, GUESSED = 2.0, 20
"""Variance that requests are taken to have under a change, in the reference's, and the number of
requests for which that guess counts: what hits some and spares others makes them vary more."""
FEWEST = 80
"""Requests that must have shown it, however clear they are."""
LIMIT = 6.0
"""Where deviations, and the shift told, are clipped, so that no single request decides."""


class Sums(NamedTuple):
    """Of some requests' deviations towards the change."""

    total: float
    squares: float
    requests: int

    def plus(self, other: "Sums") -> "Sums":
        """Of both."""
        return Sums(
            self.total + other.total, self.squares + other.squares, self.requests + other.requests
        )


NOTHING = Sums(0.0, 0.0, 0)


class Recovery:
    """Page's sum of the likelihood of "as in the reference" over "still shifted by that much".

    "That much" is what the shift surely was, by the alert and by all requests since that showed no
    sign of its end; these tell the variance v as well. It takes about ``23 v likeness / shift²``
    requests after the end, and 80 at least.
    Formula: ``S = max(0, S + h (h/2 − x) / (v likeness))`` with x towards the change.
    Source: Page 1954, "Continuous inspection schemes".
    """

    def __init__(self, likeness: float, least: float) -> None:
        """``likeness`` is the variance of long means over that of independent requests.

        ``least`` is the shift worth an alert, in standard deviations of a request.
        """
        self._likeness, self._least = likeness, least
        self.begin(0.0, 1)

    def begin(self, shift: float, requests: int) -> None:
        """An alert was raised, with its estimate in standard deviations."""
        self._told = min(max(shift, -LIMIT), LIMIT), requests
        self._lasting, self._back = NOTHING, NOTHING
        self._evidence = 0.0

    @property
    def shift(self) -> float:
        """What the shift surely was, in standard deviations; ``least`` at least."""
        told, requests = self._told
        count = requests + self._lasting.requests
        mean = (abs(told) * requests + self._lasting.total) / count
        return max(mean - SURE * math.sqrt(self._likeness / count), self._least)

    @property
    def variance(self) -> float:
        """Of requests under the change, over the reference's; 1 at least."""
        total, squares, count = self._lasting
        around = squares - total**2 / count if count else 0.0
        return max((around + GUESSED * WIDER) / (count + GUESSED), 1.0)

    def add(self, deviations: Floats, each: int = 1) -> int | None:
        """Take means of ``each`` requests; the number of them with which the change is over.

        None when it is not. NaN says nothing.
        """
        sign = math.copysign(1, self._told[0])
        for number, deviation in enumerate(deviations.tolist(), 1):
            if math.isfinite(deviation) and self._is_over(sign * deviation, each):
                return number
        return None

    def _is_over(self, towards: float, each: int) -> bool:
        towards, shift = min(max(towards, -LIMIT), LIMIT), self.shift
        self._evidence += each * shift * (shift / 2 - towards) / (self._likeness * self.variance)
        self._back = self._back.plus(Sums(each * towards, each * towards**2, each))
        if self._evidence <= 0:
            self._lasting = self._lasting.plus(self._back)
            self._back, self._evidence = NOTHING, 0.0
        return self._evidence >= CERTAIN and self._back.requests >= FEWEST

    @property
    def is_beyond(self) -> bool:
        """Whether the signal has gone as far the other way."""
        return self._back.total < -self._back.requests * self.shift / 2

    def state(self) -> State:
        """As JSON has it."""
        return {
            "told": list(self._told),
            "lasting": list(self._lasting),
            "back": list(self._back),
            "evidence": self._evidence,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        shift, requests = state["told"]
        self._told, self._evidence = (shift, requests), state["evidence"]
        self._lasting, self._back = Sums(*state["lasting"]), Sums(*state["back"])
