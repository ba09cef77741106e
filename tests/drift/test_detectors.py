"""Every detector of the package keeps the promises of the interface; a new one on arrival too."""

import doctest
import importlib
import inspect
import json

import numpy as np
import pytest

from sidecar.drift.detectors import Detector, StateError, every
from sidecar.drift.detectors.histogram import Gauge

KINDS = every()
REFERENCE = np.random.default_rng(1).beta(8, 12, 5000)

each = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
paging = [kind for kind in KINDS.values() if kind.pages]


def made(kind: type[Detector]) -> Detector:
    return kind.of(REFERENCE)


def stream(seed: int, *, fall: float = 0.0, size: int = 3000) -> np.ndarray:
    return np.clip(np.random.default_rng(seed).beta(8, 12, size) - fall, 0, 1)


def test_the_package_has_those_that_the_documents_name() -> None:
    known = {"adwin", "cusum", "e-detector", "ks", "page-hinkley", "psi", "wasserstein"}
    assert set(KINDS) >= known


@each
def test_it_has_a_working_example_and_names_its_source(kind: type[Detector]) -> None:
    module = importlib.import_module(kind.__module__)
    assert "Source:" in (inspect.getdoc(kind) or "")
    assert ">>>" in (inspect.getdoc(kind) or "")
    assert doctest.testmod(module).failed == 0


@each
def test_what_is_not_finite_is_counted_and_otherwise_ignored(kind: type[Detector]) -> None:
    clean, holed = made(kind), made(kind)
    values = stream(2)
    holes = np.insert(values, np.arange(0, 3000, 3), np.nan)
    alarms = clean.update(values)
    assert [holes[place] for place in holed.update(holes)] == [values[place] for place in alarms]
    assert holed.update([np.nan, np.inf, -np.inf]) == []
    assert holed.unmeasured == 1003
    assert {**holed.state(), "unmeasured": 0} == clean.state()


@each
def test_it_still_alarms_after_a_flood_of_nan(kind: type[Detector]) -> None:
    detector = made(kind)
    detector.update(np.full(100_000, np.nan))
    assert (detector.count, detector.statistic) == (0, 0)
    before = detector.statistic
    detector.update(stream(3))
    alarms = detector.update(stream(4, fall=0.3))
    assert alarms if kind.pages else detector.statistic > before


@each
def test_a_constant_at_the_mean_never_alarms(kind: type[Detector]) -> None:
    detector = made(kind)
    assert detector.update(np.full(5000, REFERENCE.mean())) == []
    assert np.isfinite(detector.statistic)


@each
def test_a_constant_reference_is_taken(kind: type[Detector]) -> None:
    detector = kind.of(np.full(100, 0.5))
    assert detector.update(np.full(1000, 0.5)) == []
    assert np.isfinite(detector.statistic)


@each
def test_a_restart_goes_on_as_if_uninterrupted(kind: type[Detector]) -> None:
    whole, first, second = made(kind), made(kind), made(kind)
    head, tail = stream(5), stream(6, fall=0.05)
    whole.update(head)
    first.update(head)
    second.restore(json.loads(json.dumps(first.state(), allow_nan=False)))
    assert second.update(tail) == whole.update(tail)
    assert second.state() == whole.state()
    assert second.statistic == whole.statistic


@each
def test_a_fresh_detector_can_be_saved_and_restored(kind: type[Detector]) -> None:
    fresh = made(kind)
    fresh.restore(json.loads(json.dumps(made(kind).state())))
    assert fresh.state() == made(kind).state()


@each
def test_a_state_of_another_kind_is_refused_by_name(kind: type[Detector]) -> None:
    other = next(one for one in KINDS.values() if one is not kind)
    with pytest.raises(StateError, match=f"state is of '{other.name}', version 1"):
        made(kind).restore(made(other).state())


@each
def test_batches_make_no_difference(kind: type[Detector]) -> None:
    whole, parts = made(kind), made(kind)
    values = stream(7, fall=0.02)
    found = [
        1000 * number + place
        for number, part in enumerate(np.split(values, 3))
        for place in parts.update(part)
    ]
    assert parts.update([]) == []
    assert found == whole.update(values)
    assert parts.state() == whole.state()


@each
def test_memory_is_bounded(kind: type[Detector]) -> None:
    detector = made(kind)
    for seed in range(4):
        detector.update(stream(seed, size=5000))
    assert len(json.dumps(detector.state())) < 32_000


@pytest.mark.parametrize("kind", paging, ids=[kind.name for kind in paging])
def test_a_large_fall_is_found_and_then_it_starts_anew(kind: type[Detector]) -> None:
    detector = made(kind)
    detector.update(stream(8, size=500))
    assert detector.update(stream(9, fall=0.3))
    detector.reset()
    assert detector.statistic < detector.threshold


gauges = [kind for kind in KINDS.values() if issubclass(kind, Gauge)]


@pytest.mark.parametrize("kind", gauges, ids=[kind.name for kind in gauges])
def test_gauges_of_two_replicas_add_up(kind: type[Gauge]) -> None:
    whole, one, two = kind.of(REFERENCE), kind.of(REFERENCE), kind.of(REFERENCE)
    values = stream(10)
    whole.update(values)
    one.update(values[:1000])
    two.update(values[1000:])
    one.merge(two)
    assert one.state() == whole.state()
