"""A baseline finds what it was made with, and refuses what is too small."""

import numpy as np
import pytest

from sidecar.drift import Baseline, Monitor
from sidecar.drift.baseline import TooSmall, fit
from sidecar.drift.features import FEATURES, design
from tests.drift.kit import MARGIN, RAG, SIZE, some

SIGNAL = "grounding_score"


def test_it_finds_the_slope_of_a_length() -> None:
    made = some(SIZE, 1)
    made.signals[:, 0] += 0.1 * (made.lengths[:, 0] - 7)
    one = fit(RAG, made, SIGNAL, MARGIN)
    slope = one.coefficients[FEATURES.index("context_tokens")].value
    assert slope == pytest.approx(0.1, abs=0.01)
    assert one.mean == pytest.approx(0.4, abs=one.interval + 0.01)
    assert one.interval < MARGIN


def test_it_takes_a_daily_wave_out_once_days_are_covered() -> None:
    made = some(80_000, 2, regime="waves")
    one = fit(RAG, made, SIGNAL, MARGIN)
    assert one.scale < made.signal(SIGNAL).std() - 0.001
    wave = one.expected(design(made))
    assert np.ptp(wave) > 0.05


def test_it_leaves_hours_alone_that_the_reference_does_not_cover() -> None:
    one = fit(RAG, some(SIZE, 3), SIGNAL, MARGIN)
    waves = [c.value for c in one.coefficients if c.feature.startswith(("day", "week"))]
    assert set(waves) == {0.0}


def test_a_reference_that_is_too_small_says_how_many_are_missing() -> None:
    with pytest.raises(TooSmall, match=r"m, route rag, grounding_score: measured in 2000 ") as told:
        fit(RAG, some(2000, 4), SIGNAL, MARGIN)
    needed = 2000 + told.value.missing
    assert needed == pytest.approx((3 * 0.107 / MARGIN) ** 2, rel=0.6)
    with pytest.raises(TooSmall, match="1500 are missing"):
        fit(RAG, some(100, 4), SIGNAL, MARGIN)


def test_what_was_not_measured_does_not_count() -> None:
    made = some(SIZE, 5)
    made.signals[:-100, 0] = np.nan
    with pytest.raises(TooSmall, match="measured in 100 requests"):
        fit(RAG, made, SIGNAL, MARGIN)


def test_the_interval_covers_the_truth() -> None:
    misses = [abs(one.mean - 0.4) > one.interval for one in map(_fitted, range(30))]
    assert sum(misses) <= 1


@pytest.mark.parametrize("deviation", [0.0, MARGIN / 50, MARGIN / 6.25, MARGIN])
def test_a_signal_that_hardly_varies_can_alarm_too(deviation: float) -> None:
    rng = np.random.default_rng(7)
    reference, fallen = some(SIZE, 7), some(500, 8)
    reference.signals[:, 0] = 0.4 + deviation * rng.normal(size=SIZE)
    fallen.signals[:, 0] = 0.4 - 4 * MARGIN + deviation * rng.normal(size=500)
    one = fit(RAG, reference, SIGNAL, MARGIN)
    frozen = Baseline(created=one.first, where="true", margin=MARGIN, signals=(one,))
    [alert] = Monitor(frozen).update(RAG, fallen)
    assert alert.direction == "drop"
    assert alert.requests < 200


def _fitted(seed: int):
    return fit(RAG, some(6000, 100 + seed), SIGNAL, 0.02)
