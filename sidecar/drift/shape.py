"""How the latest requests are spread, beside the reference: gauges for people, not for paging."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar.drift.baseline.artefact import SignalBaseline
from sidecar.drift.detectors.histogram import BINS, Gauge, histogram
from sidecar.drift.detectors.ks import KolmogorovSmirnov
from sidecar.drift.detectors.psi import Psi
from sidecar.drift.detectors.wasserstein import Wasserstein
from sidecar.drift.requests import Requests

GAUGES: tuple[type[Gauge], ...] = (KolmogorovSmirnov, Psi, Wasserstein)
WINDOW = 1000
"""Requests after which the older half of what is looked at is forgotten."""
FEWEST = 100
"""Measured requests without which a distance says nothing."""


class Distance(NamedTuple):
    """One gauge of one signal."""

    gauge: str
    signal: str
    value: float


class Shape:
    """Histograms of some signals over the latest 1,000 to 2,000 requests; 1 kB a signal."""

    def __init__(self, signals: Mapping[str, SignalBaseline]) -> None:
        self._reference = {name: np.asarray(one.histogram) for name, one in signals.items()}
        self._counts = {name: np.zeros((2, BINS), np.uint16) for name in signals}
        self._seen = 0

    def add(self, requests: Requests) -> None:
        """Take requests in order; no window grows beyond what its counts can hold."""
        for start in range(0, len(requests), WINDOW):
            self._add(requests.take(slice(start, start + WINDOW)))

    def _add(self, requests: Requests) -> None:
        for name, counts in self._counts.items():
            values = requests.signal(name)
            counts[0] += histogram(values[np.isfinite(values)]).astype(np.uint16)
        self._seen += len(requests)
        if self._seen >= WINDOW:
            self._seen = 0
            for counts in self._counts.values():
                counts[1], counts[0] = counts[0], 0

    def distances(self) -> Iterator[Distance]:
        """Those of signals that were measured often enough."""
        for name, counts in self._counts.items():
            current = counts.sum(axis=0, dtype=np.int64)
            if current.sum() >= FEWEST:
                for gauge in GAUGES:
                    yield Distance(
                        gauge.name, name, _distance(gauge, self._reference[name], current)
                    )


def _distance(
    gauge: type[Gauge], reference: NDArray[np.int64], current: NDArray[np.int64]
) -> float:
    measured = gauge(reference)
    measured.current = current
    return measured.statistic
