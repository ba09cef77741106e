"""What only a GPU can show of the paged kernels: capture and replay, no waiting, long contexts."""

import dataclasses

import numpy as np
import pytest
import torch

from sidecar.tap.summary.flight import PagedRequest
from sidecar.tap.summary.naive import Scoring
from sidecar.tap.summary.tuning import Tuning
from tests.tap.summary.paged_case import Case
from tests.waiting import eventually

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here"),
]
A_SECOND = 2 * 10**9
"""Of a GPU's cycles, about."""


@pytest.fixture
def case() -> Case:
    """A model's usual shape, in its usual precision."""
    case = Case(
        torch.device("cuda"),
        heads=32,
        kv_heads=8,
        size=128,
        dtype=torch.bfloat16,
        scorings=(Scoring(scale=0.09), Scoring(scale=0.09, window=20)),
        tuning=Tuning(),
    )
    case.summary.warm_up(case.query)
    return case


def test_a_captured_launch_replays_with_changed_inputs(case):
    flight = case.summary._flights[0]
    flight.board(case.requests)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        case.summary.enqueue(case.query, flight, len(flight.requests))
    another = case.requests[0]
    for length in (64, 3, 1, 50):
        starts = np.array([0, 2, 40])
        request = PagedRequest(1, 2, length, starts[starts < length])
        case.requests = [request, another][: 1 + length % 2]
        case.fill()
        case.query.copy_(torch.randn(case.query.shape))
        flight.board(case.requests)
        case.spoil()
        graph.replay()
        torch.cuda.synchronize()
        case.check(flight)


def test_a_launch_does_not_wait(case):
    torch.cuda.synchronize()
    torch.cuda._sleep(A_SECOND)
    torch.cuda.set_sync_debug_mode("error")
    try:
        flight = case.summary.launch(case.query, case.requests)
        assert flight
        assert not flight.ready()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    eventually(flight.ready)
    case.check(flight)


def test_flights_that_are_under_way_are_not_used_again(case):
    torch.cuda._sleep(A_SECOND)
    flights = [case.summary.launch(case.query, case.requests) for _ in range(3)]
    assert flights[0]
    assert flights[1]
    assert flights[2] is None
    case.summary.land(flights[0])
    assert case.summary.launch(case.query, case.requests) is None
    eventually(flights[0].ready)
    assert case.summary.launch(case.query, case.requests) is flights[0]


def test_both_ways_are_pinned(case):
    flight = case.summary._flights[0]
    assert flight.requests.is_pinned()
    assert flight.statistics.is_pinned()


@pytest.mark.parametrize("length", [1, 1000, 8191, 32768, 131072])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn])
def test_contexts_up_to_128_k(length, dtype):
    starts = sorted({0, *range(4, length, max(length // 40, 1)), length - 1})
    Case(
        torch.device("cuda"),
        lengths=(length, 5000),
        starts=(starts, (0, 4, 4000)),
        heads=32,
        kv_heads=8,
        size=128,
        dtype=dtype,
        query_dtype=torch.bfloat16,
        key_scales=torch.tensor(0.5) if dtype == torch.float8_e4m3fn else None,
        scorings=(Scoring(scale=0.09), Scoring(scale=0.09, window=4096)),
        tuning=Tuning(),
        max_segments=512,
    ).check()


def test_any_tuning_gives_the_same(case):
    for tile, lanes, stages, warps in [(16, 16, 1, 4), (64, 8, 2, 8), (128, 16, 4, 4)]:
        tuning = Tuning(tile=tile, lanes=lanes, stages=stages, warps=warps)
        dataclasses.replace(case, tuning=tuning).check()
