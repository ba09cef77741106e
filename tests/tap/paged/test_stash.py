"""Each request's last row is kept, whatever the batch, and never one out of bounds."""

import torch

from sidecar.tap.engines.base import Layer
from sidecar.tap.paged.stash import PagedStash
from sidecar.tap.summary.naive import Scoring


def stash(starts, max_rows=4, layers=2):
    layer = Layer("0", 0, None, 2, 1, 3, torch.float32, Scoring(1.0))
    return PagedStash([layer] * layers, torch.tensor(starts, dtype=torch.int32), max_rows)


def query(tokens):
    return torch.arange(tokens * 6, dtype=torch.float32).view(tokens, 2, 3)


def test_the_last_row_of_each_request_is_kept_in_every_layer():
    kept = stash([0, 3, 4, 9, 9])
    kept.put(0, query(9))
    kept.put(1, -query(9))
    assert torch.equal(kept.buffer[0, :3], query(9)[[2, 3, 8]])
    assert torch.equal(kept.buffer[1, :3], -query(9)[[2, 3, 8]])


def test_a_batch_smaller_than_the_table_keeps_as_many_rows_as_it_has():
    kept = stash([0, 1, 2, 2, 2])
    kept.put(0, query(2))
    assert torch.equal(kept.buffer[0, :2], query(2))
    assert kept.buffer[0, 2:].isnan().all()


def test_a_stale_table_reads_no_row_out_of_bounds():
    kept = stash([0, 0, 500, 900, 2**31 - 1])
    kept.put(0, query(3))
    assert torch.equal(kept.buffer[0, :3], query(3)[[0, 2, 2]])


def test_rows_have_a_bound():
    assert stash([0] * 9, max_rows=3).rows == 3
    assert stash([0] * 3, max_rows=99).rows == 2


def test_what_is_spoiled_is_no_number():
    kept = stash([0, 1])
    kept.put(0, query(1))
    kept.spoil()
    assert kept.buffer.isnan().all()
