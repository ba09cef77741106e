"""Rules of others with their default settings, on the raw signal; chunks of 1,000 requests."""

from collections.abc import Callable

import numpy as np

from sidecar.drift.detectors.cusum import Cusum
from sidecar.drift.requests import Floats

CHUNK = 1000
SAMPLE = 5000


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
    """Two-sample Kolmogorov-Smirnov, p < 0.05."""
    from scipy.stats import ks_2samp

    sample = _sample(reference)
    return _chunks(lambda chunk: ks_2samp(sample, chunk, method="asymp").pvalue < 0.05)


def evidently(reference: Floats) -> Callable[[Floats], list[int]]:
    """Evidently's default for numbers and a reference of more than 1,000: Wasserstein distance

    over the reference's standard deviation, drift at 0.1 or more.
    Source: docs.evidentlyai.com, "Data drift algorithm"; its stattest `wasserstein`.
    """
    from scipy.stats import wasserstein_distance

    sample = _sample(reference)
    scale = max(float(sample.std()), 0.001)
    return _chunks(lambda chunk: wasserstein_distance(sample, chunk) / scale >= 0.1)


def nannyml(reference: Floats) -> Callable[[Floats], list[int]]:
    """NannyML's default for continuous columns: Jensen-Shannon distance, base 2, above 0.1.

    Bins are Doane's of the reference; what lies outside has a bin of its own.
    Source: NannyML's `UnivariateDriftCalculator`, `continuous_methods` and `thresholds`; "How it
    works: univariate drift detection".
    """
    from scipy.spatial.distance import jensenshannon

    edges = np.histogram_bin_edges(reference, bins="doane")
    shares = np.append(np.histogram(reference, edges)[0] / len(reference), 0)

    def drifted(chunk: Floats) -> bool:
        found = np.histogram(chunk, edges)[0] / len(chunk)
        return (
            float(jensenshannon(shares, np.append(found, max(1 - found.sum(), 0.0)), base=2)) > 0.1
        )

    return _chunks(drifted)


def nannyml_mean(reference: Floats) -> Callable[[Floats], list[int]]:
    """NannyML's rule for a column's average: three standard deviations of the reference chunks'

    averages from their mean.
    Source: NannyML's `SummaryStatsAvgCalculator` with its `StandardDeviationThreshold`.
    """
    means = reference[: len(reference) // CHUNK * CHUNK].reshape(-1, CHUNK).mean(axis=1)
    centre, width = float(means.mean()), 3 * float(means.std())
    return _chunks(lambda chunk: abs(float(chunk.mean()) - centre) > width)


def _sample(reference: Floats) -> Floats:
    """`SAMPLE` of all its values, since these rules look at each again for every chunk."""
    return np.random.default_rng(0).choice(reference, min(SAMPLE, len(reference)), replace=False)


RULES = {
    "cusum": cusum,
    "adwin": adwin,
    "page_hinkley": page_hinkley,
    "ks": ks,
    "evidently": evidently,
    "nannyml": nannyml,
    "nannyml_mean": nannyml_mean,
}


def _chunks(drifted: Callable[[Floats], bool]) -> Callable[[Floats], list[int]]:
    """Every thousand requests on their own."""

    def rule(values: Floats) -> list[int]:
        chunks = values[: len(values) // CHUNK * CHUNK].reshape(-1, CHUNK)
        return [CHUNK * place - 1 for place, chunk in enumerate(chunks, 1) if drifted(chunk)]

    return rule


def _river(library: object) -> Callable[[Floats], list[int]]:
    def rule(values: Floats) -> list[int]:
        found = []
        for place, value in enumerate(values.tolist()):
            library.update(value)  # type: ignore[attr-defined]
            if library.drift_detected:  # type: ignore[attr-defined]
                found.append(place)
        return found

    return rule
