"""Requests that were launched together, until their results are read."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sidecar.tap.engines.base import Emission
from sidecar.tap.paged.group import Group
from sidecar.tap.plan import Planned
from sidecar.tap.spans import Spans
from sidecar.tap.summary.flight import Flight


@dataclass
class Wave:
    """One flight of each cache group, over the same requests in the same order."""

    given: Sequence[tuple[Planned, Spans]]
    groups: Sequence[Group]
    flights: Sequence[Flight]
    emission: Emission
    time: int = field(default_factory=lambda: time.time_ns() // 1000)
    """When the step ended, microseconds since 1970."""

    def ready(self) -> bool:
        """Whether results and tokens are on the host. Never waits."""
        return self.emission.ready() and all(flight.ready() for flight in self.flights)

    def columns(self, number: int) -> dict[str, np.ndarray]:
        """Per-head arrays of the ``number``-th request, layers in the order of their slots."""
        found = [flight.columns(number) for flight in self.flights]
        if len(found) == 1:
            return found[0]
        order = np.argsort(np.concatenate([group.slots for group in self.groups]))
        return {name: self._by_layer(name, found)[order].reshape(-1) for name in found[0]}

    def land(self) -> None:
        """Give the flights back."""
        for group, flight in zip(self.groups, self.flights, strict=True):
            group.land(flight)

    def _by_layer(self, name: str, found: Sequence[dict[str, np.ndarray]]) -> np.ndarray:
        parts = zip(self.groups, found, strict=True)
        return np.concatenate([part[name].reshape(len(group.slots), -1) for group, part in parts])
