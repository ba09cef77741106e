"""Rules of others, as they are commonly set, over residuals that are given."""

from collections.abc import Callable

import numpy as np

from sidecar.drift.detectors.cusum import Cusum
from sidecar.drift.requests import Floats

CHUNK = 1000


def cusum(reference: Floats) -> Callable[[Floats], list[int]]:
    """Every request, k = 0.5 and h = 5."""
    return Cusum(float(reference.mean()), float(reference.std())).update


def adwin(reference: Floats) -> Callable[[Floats], list[int]]:  # noqa: ARG001 - needs none
    """river's, as it comes."""
    from river.drift import ADWIN

    return _river(ADWIN())


def page_hinkley(reference: Floats) -> Callable[[Floats], list[int]]:  # noqa: ARG001
    """river's, as it comes."""
    from river.drift import PageHinkley

    return _river(PageHinkley())


def ks(reference: Floats) -> Callable[[Floats], list[int]]:
    """Two-sample Kolmogorov-Smirnov, p < 0.05, on every thousand requests."""
    from scipy.stats import ks_2samp

    sample = reference[:5000]

    def rule(values: Floats) -> list[int]:
        chunks = values[: len(values) // CHUNK * CHUNK].reshape(-1, CHUNK)
        return [
            CHUNK * (place + 1) - 1
            for place, chunk in enumerate(chunks)
            if ks_2samp(sample, chunk, method="asymp").pvalue < 0.05
        ]

    return rule


def evidently(reference: Floats) -> Callable[[Floats], list[int]]:
    """Evidently's default for large numeric columns: Wasserstein distance over the reference's

    standard deviation, at least 0.1, on every thousand requests.
    """
    from scipy.stats import wasserstein_distance

    sample, scale = reference[:5000], float(reference.std())

    def rule(values: Floats) -> list[int]:
        chunks = values[: len(values) // CHUNK * CHUNK].reshape(-1, CHUNK)
        return [
            CHUNK * (place + 1) - 1
            for place, chunk in enumerate(chunks)
            if wasserstein_distance(sample, chunk) / scale >= 0.1
        ]

    return rule


def nannyml(reference: Floats) -> Callable[[Floats], list[int]]:
    """NannyML's default for summary statistics: a chunk's mean outside three standard deviations

    of the reference chunks' means.
    """
    means = reference[: len(reference) // CHUNK * CHUNK].reshape(-1, CHUNK).mean(axis=1)
    centre, width = float(means.mean()), 3 * float(means.std())

    def rule(values: Floats) -> list[int]:
        found = values[: len(values) // CHUNK * CHUNK].reshape(-1, CHUNK).mean(axis=1)
        return [int(p) * CHUNK + CHUNK - 1 for p in np.flatnonzero(abs(found - centre) > width)]

    return rule


RULES = {
    "cusum": cusum,
    "adwin": adwin,
    "page_hinkley": page_hinkley,
    "ks": ks,
    "evidently": evidently,
    "nannyml": nannyml,
}


def _river(library: object) -> Callable[[Floats], list[int]]:
    def rule(values: Floats) -> list[int]:
        found = []
        for place, value in enumerate(values.tolist()):
            library.update(value)  # type: ignore[attr-defined]
            if library.drift_detected:  # type: ignore[attr-defined]
                found.append(place)
        return found

    return rule
