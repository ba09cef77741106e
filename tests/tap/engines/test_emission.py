"""Tokens of a step, at once or on their way."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sidecar.tap.engines.emission import emission


class Event:
    """Passes when told to."""

    passed = False

    def query(self):
        return self.passed


def test_a_list_has_arrived():
    found = emission(SimpleNamespace(sampled_token_ids=[[7], [], [9]]))
    assert found.ready()
    assert [found.token(row) for row in range(4)] == [7, None, 9, None]


@pytest.mark.parametrize(
    ("event", "tokens", "array"),
    [
        ("async_copy_ready_event", "sampled_token_ids_cpu", torch.tensor([[7], [9]])),
        ("copy_event", "sampled_token_ids", np.array([[7], [9]])),
    ],
)
def test_an_array_arrives_with_its_event(event, tokens, array):
    output = SimpleNamespace(**{event: Event(), tokens: array})
    found = emission(output)
    assert not found.ready()
    getattr(output, event).passed = True
    assert found.ready()
    assert [found.token(row) for row in range(3)] == [7, 9, None]


def test_an_unknown_form_knows_no_token():
    found = emission(object())
    assert found.ready()
    assert found.token(0) is None
