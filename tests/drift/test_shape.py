"""Histograms of the latest requests, and their distances from the reference."""

import numpy as np
import pytest

from benchmarks.drift_traffic import Shift
from sidecar.drift import Requests, Shape
from sidecar.drift.shape import FEWEST, WINDOW
from tests.drift.kit import RAG, baseline, some


def healthy(size: int) -> Requests:
    return some(size, 1)


def faulty(size: int) -> Requests:
    return some(size, 2, shift=Shift(at=0, hit=1.0))


def shape() -> Shape:
    return Shape(baseline().streams()[RAG])


def distances(found: Shape) -> dict[str, float]:
    return {one.gauge: one.value for one in found.distances()}


def test_few_requests_have_no_distance() -> None:
    found = shape()
    found.add(healthy(FEWEST - 1))
    assert distances(found) == {}
    found.add(healthy(1))
    assert set(distances(found)) == {"ks", "psi", "wasserstein"}


def test_traffic_like_the_reference_is_near_and_a_fault_is_far() -> None:
    near, far = shape(), shape()
    near.add(healthy(2000))
    far.add(faulty(2000))
    assert all(value < 0.1 for value in distances(near).values())
    assert distances(far)["ks"] > 0.8
    assert distances(far)["wasserstein"] == pytest.approx(0.3, abs=0.05)


def test_what_is_long_ago_is_forgotten() -> None:
    found = shape()
    found.add(faulty(5000))
    found.add(healthy(2 * WINDOW))
    assert distances(found)["ks"] < 0.1


def test_what_was_not_measured_is_not_counted() -> None:
    found, lost = shape(), healthy(2000)
    lost.signals[:] = np.nan
    found.add(lost)
    assert distances(found) == {}
