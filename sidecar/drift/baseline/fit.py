"""Fitting a baseline: a regression that is frozen, and the scales of its residuals."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from sidecar.drift import blocks
from sidecar.drift.baseline.artefact import BlockScale, Coefficient, SignalBaseline
from sidecar.drift.baseline.prices import wagers
from sidecar.drift.detectors.base import SMALLEST_SCALE
from sidecar.drift.detectors.histogram import histogram
from sidecar.drift.features import FEATURES, WAVES, covered, design
from sidecar.drift.requests import Floats, Requests, Stream

FEWEST_BLOCKS = 20
"""Of a length, to know its scale."""
FEWEST = 1600


class TooSmall(ValueError):
    """A reference too small for the margin; `missing` is how many requests more it takes."""

    def __init__(self, stream: Stream, signal: str, requests: int, needed: int) -> None:
        self.missing = needed - requests
        super().__init__(
            f"{stream}, {signal}: measured in {requests} requests, expected {needed} or more; "
            f"{self.missing} are missing"
        )


def fit(stream: Stream, requests: Requests, signal: str, margin: float) -> SignalBaseline:
    """Regress a signal on the features of all requests that have it. Raises TooSmall.

    It takes ``(3 s / margin)²`` requests, with s the residual standard deviation that independent
    requests would have, were the means of long blocks to vary as they do. The scale is the margin
    at least: in smaller units every change worth a bet would lie beyond the clips.
    """
    requests = requests.take(np.isfinite(requests.signal(signal)))
    if len(requests) < FEWEST:
        raise TooSmall(stream, signal, len(requests), FEWEST)
    values, columns = requests.signal(signal), design(requests)
    slopes = _slopes(columns, values, covered(requests.time))
    residuals = values - values.mean() - (columns - columns.mean(axis=0)) @ slopes
    deviation = max(float(residuals.std(ddof=1 + np.count_nonzero(slopes))), SMALLEST_SCALE)
    scales = tuple(_block_scales(residuals, deviation))
    long_run = max([deviation, *(one.scale * math.sqrt(one.length) for one in scales)])
    needed = math.ceil((3 * long_run / margin) ** 2)
    if len(requests) < needed:
        raise TooSmall(stream, signal, len(requests), needed)
    scale = max(deviation, margin)
    low, high, wagered = wagers(residuals / scale, requests.session, margin / scale)
    return SignalBaseline(
        model_name=stream.model,
        route=stream.route,
        signal=signal,
        requests=len(requests),
        first=_moment(requests.time.min()),
        last=_moment(requests.time.max()),
        mean=float(values.mean()),
        interval=3 * long_run / math.sqrt(len(requests)),
        scale=scale,
        coefficients=_coefficients(columns, slopes),
        blocks=scales,
        low=low,
        high=high,
        wagers=wagered,
        histogram=tuple(histogram(values).tolist()),
    )


def _slopes(columns: Floats, values: Floats, used: NDArray[np.bool_]) -> Floats:
    """``[features]`` by least squares; 0 for what is not covered or does not vary."""
    spread = columns.std(axis=0)
    used = used & (spread > 1e-9)
    standard = (columns[:, used] - columns[:, used].mean(axis=0)) / spread[used]
    slopes = np.zeros(columns.shape[1])
    slopes[used] = np.linalg.lstsq(standard, values - values.mean(), rcond=1e-6)[0] / spread[used]
    return slopes


def _block_scales(residuals: Floats, scale: float) -> Iterator[BlockScale]:
    """For each length of which there are enough."""
    for length in blocks.LENGTHS:
        count = len(residuals) // length
        if count < FEWEST_BLOCKS:
            return
        means = residuals[: count * length].reshape(count, length).mean(axis=1)
        deviation = max(float(means.std(ddof=1)), scale * 1e-3)
        z = (means - means.mean()) / deviation
        yield BlockScale(length=length, scale=deviation, correlation=float((z[1:] * z[:-1]).mean()))


def _coefficients(columns: Floats, slopes: Floats) -> tuple[Coefficient, ...]:
    bounds = np.quantile(columns, [0.005, 0.995], axis=0)
    bounds[:, -len(WAVES) :] = [[-1.0], [1.0]]
    centres = np.clip(columns, *bounds).mean(axis=0)
    return tuple(
        Coefficient(feature=name, value=value, centre=centre, low=low, high=high)
        for name, value, centre, low, high in zip(
            FEATURES, slopes.tolist(), centres.tolist(), *bounds.tolist(), strict=True
        )
    )


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(int(microseconds) / 1e6, UTC)
