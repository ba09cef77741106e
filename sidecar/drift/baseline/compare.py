"""Whether two baselines differ: in how the model behaves, or only in the traffic."""

from collections.abc import Iterator
from math import hypot
from typing import NamedTuple

import numpy as np

from sidecar.drift.baseline.artefact import Baseline, SignalBaseline
from sidecar.drift.requests import Stream


class Difference(NamedTuple):
    """One signal of one stream in two baselines."""

    stream: Stream
    signal: str
    behaviour: float
    """Second minus first, both for the first's traffic."""
    interval: float
    """Half the width of its interval, three standard errors."""
    traffic: float
    """What the second's traffic adds, by the second's regression."""
    margin: float

    @property
    def differs(self) -> bool:
        """Whether behaviour has moved by more than chance and the margin allow."""
        return abs(self.behaviour) > max(self.interval, self.margin)


class Comparison(NamedTuple):
    """What two baselines share, and what only one of them has."""

    differences: list[Difference]
    only_first: list[tuple[Stream, str]]
    only_second: list[tuple[Stream, str]]

    @property
    def differs(self) -> bool:
        """Whether behaviour does, as far as it is known."""
        return any(difference.differs for difference in self.differences)

    @property
    def unknown(self) -> str:
        """What keeps them from being called the same; empty when nothing does."""
        if not self.differences:
            return "the two share no signal of any stream"
        lost = [f"{stream}, {signal}" for stream, signal in self.only_first]
        return (
            f"only in the first, so that nothing is known of it: {'; '.join(lost)}" if lost else ""
        )


def compare(first: Baseline, second: Baseline) -> Comparison:
    """Signal by signal."""
    before, after = _by_place(first), _by_place(second)
    shared = [place for place in before if place in after]
    margin = max(first.margin, second.margin)
    return Comparison(
        [_difference(before[place], after[place], margin) for place in shared],
        [place for place in before if place not in after],
        [place for place in after if place not in before],
    )


def lines(comparison: Comparison) -> Iterator[str]:
    """For a terminal."""
    for one in comparison.differences:
        verdict = "differs" if one.differs else "same"
        yield (
            f"{verdict:<8} {one.stream}, {one.signal}: behaviour {one.behaviour:+.4f} "
            f"± {one.interval:.4f}, traffic {one.traffic:+.4f}"
        )
    for name, places in (("first", comparison.only_first), ("second", comparison.only_second)):
        for stream, signal in places:
            yield f"unknown  {stream}, {signal}: only in the {name}"


def _by_place(baseline: Baseline) -> dict[tuple[Stream, str], SignalBaseline]:
    return {(one.stream, one.signal): one for one in baseline.signals}


def _difference(first: SignalBaseline, second: SignalBaseline, margin: float) -> Difference:
    there = float(second.expected(np.atleast_2d(first.column("centre")))[0])
    interval = hypot(first.interval, second.interval)
    return Difference(
        first.stream, first.signal, there - first.mean, interval, second.mean - there, margin
    )
