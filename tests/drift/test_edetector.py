"""The e-detector's promise, by its error rates over seeds."""

import numpy as np
import pytest

from sidecar.drift.detectors.edetector import EDetector

VALUES, STREAMS, RUN_LENGTH = 400, 200, 2000


def alarmed(falls: float, *, margin: float = 0.0) -> float:
    """Share of streams of Beta values with any alarm within `VALUES`."""
    rng = np.random.default_rng(11)
    mean, scale = 0.4, np.sqrt(0.4 * 0.6 / 21)
    hits = 0
    for _ in range(STREAMS):
        detector = EDetector(mean, scale, margin=margin, run_length=RUN_LENGTH)
        hits += bool(detector.update(rng.beta(8, 12, VALUES) - falls))
    return hits / STREAMS


def test_false_alarms_are_as_rare_as_promised() -> None:
    promised = VALUES / RUN_LENGTH
    assert alarmed(0.0) <= promised + 3 * np.sqrt(promised * (1 - promised) / STREAMS)


def test_a_change_within_the_margin_is_none() -> None:
    assert alarmed(0.01, margin=0.02) <= VALUES / RUN_LENGTH


def test_a_change_is_found() -> None:
    assert alarmed(0.05) > 0.99


def test_it_watches_the_direction_that_it_is_told() -> None:
    for direction, value in (("drop", 0.6), ("rise", 0.2)):
        detector = EDetector(0.4, 0.05, direction=direction)  # type: ignore[arg-type]
        assert detector.update(np.full(500, value)) == []
        assert detector.update(np.full(500, 0.8 - value))


@pytest.mark.parametrize("wrong", [{"scale": 0}, {"margin": -1}, {"run_length": 0.5}])
def test_settings_of_no_use_are_refused(wrong: dict[str, float]) -> None:
    given = {"reference": 0.4, "scale": 0.1} | wrong
    with pytest.raises(ValueError, match="should be above 0, 0 or more, and 1 or more"):
        EDetector(**given)  # type: ignore[arg-type]
