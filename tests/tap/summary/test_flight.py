"""What a launch refuses, and how flights are taken and returned."""

import numpy as np
import pytest
import torch

from sidecar.tap.summary.flight import Flight, PagedRequest, padded
from sidecar.tap.summary.paged_keys import Offsets, PagedKeys, product_dtype
from sidecar.tap.summary.tuning import Tuning
from tests.tap.summary.paged_case import Case


def request(positions=10, starts=(0, 4)):
    return PagedRequest(0, 0, positions, np.array(starts))


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ([request()] * 3, "requests: 3, at most 2 in one launch"),
        ([request(starts=())], "starts: 0 segments, should be 1 to 4"),
        ([request(starts=range(5))], "starts: 5 segments, should be 1 to 4"),
        ([request(starts=[1, 4])], r"starts: \[1, 4\], should ascend from 0 to below 10"),
        ([request(starts=[0, 4, 4])], r"starts: \[0, 4, 4\], should ascend"),
        ([request(starts=[0, 10])], r"starts: \[0, 10\], should ascend from 0 to below 10"),
    ],
)
def test_requests_that_do_not_fit_are_refused(given, complaint):
    flight = Flight(2, 4, 1, pinned=False)
    before = flight.requests.clone()
    with pytest.raises(ValueError, match=complaint):
        flight.board(given)
    assert torch.equal(flight.requests, before)


def test_a_request_of_the_last_launch_is_not_in_this_one():
    flight = Flight(2, 4, 1, pinned=False)
    flight.board([request(), request(30, (0, 4, 20))])
    flight.board([request()])
    assert flight.requests[1, 2] == 0
    assert flight.requests[0, 3:].tolist() == [0, 4] + [2**31 - 1] * (padded(4) - 1)


def test_a_launch_wants_a_free_flight(device):
    case = Case(device, lengths=(5,), starts=((0,),))
    taken = [case.run(), case.run()]
    assert case.summary.launch(case.query, case.requests) is None
    case.summary.land(taken[0])
    assert case.summary.launch(case.query, case.requests) is taken[0]


def test_a_launch_of_nothing_is_refused(device):
    case = Case(device, lengths=(5,), starts=((0,),))
    with pytest.raises(ValueError, match="requests: none"):
        case.summary.launch(case.query, [])


@pytest.mark.parametrize("field", ["query_row", "batch_row", "positions"])
def test_rows_and_positions_that_are_not_there_are_refused(device, field):
    case = Case(device, lengths=(5,), starts=((0,),))
    for value in (-1, 999):
        wrong = case.requests[0]._replace(**{field: value})
        with pytest.raises(ValueError, match=f"{field}: {value}, should be below"):
            case.summary.launch(case.query, [wrong])


def test_a_query_of_another_shape_is_refused(device):
    case = Case(device, lengths=(5,), starts=((0,),))
    with pytest.raises(ValueError, match=r"query: \[1, 3, 4, 63\], should be \[1, rows, 4, 64\]"):
        case.summary.launch(case.query[..., 1:], case.requests)


def test_a_warm_up_takes_no_flight(device):
    case = Case(device, lengths=(5,), starts=((0,),))
    case.summary.warm_up(case.query)
    case.check()


TABLE = torch.zeros(1, 1, dtype=torch.int32)


@pytest.mark.parametrize(
    ("layers", "table", "complaint"),
    [
        ([torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 4, 4)], TABLE, "layers: should be one shape"),
        ([torch.zeros(1, 2, 3, 4, dtype=torch.uint8)], TABLE, "layers: dtype torch.uint8"),
        ([torch.zeros(1, 2, 3, 4)], TABLE.long(), "block_table: dtype torch.int64"),
    ],
)
def test_layers_that_are_not_alike_are_refused(layers, table, complaint):
    with pytest.raises(ValueError, match=complaint):
        PagedKeys(layers, table)


def test_layers_a_fraction_of_an_element_apart_are_refused():
    raw = torch.zeros(64, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"\[0, 17\] bytes apart"):
        Offsets.of([raw[:4].view(torch.float32), raw[17:21]])


@pytest.mark.parametrize(
    ("query", "keys", "product"),
    [
        (torch.bfloat16, torch.bfloat16, torch.bfloat16),
        (torch.float16, torch.float8_e4m3fn, torch.float16),
        (torch.float8_e4m3fn, torch.float8_e4m3fn, torch.bfloat16),
        (torch.bfloat16, torch.float16, torch.float32),
    ],
)
def test_products_are_of_a_type_that_holds_both(query, keys, product):
    assert product_dtype(query, keys) == product


def test_splits_are_as_many_as_keep_a_gpu_busy():
    tuning, device = Tuning(programs=2112), torch.device("cpu")
    assert tuning.splits_for(4 * 8, device) == 66
    assert tuning.splits_for(16 * 4 * 8, device) == 5
    assert tuning.splits_for(10**6, device) == 1
    assert tuning.splits_for(1, device) == tuning.max_splits


def test_a_tile_is_16_kib_of_keys():
    keys = torch.zeros(1, 1, 1, 128, dtype=torch.bfloat16)
    assert Tuning().tile_for(keys) == 64
    assert Tuning().tile_for(keys[..., :40]) == 128
    assert Tuning(tile=32).tile_for(keys) == 32
