"""Keys come back from vLLM's packed CPU cache, whatever the processor's order."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from vllm import _custom_ops as ops

from sidecar.tap.engines.base import Unsupported
from sidecar.tap.engines.cpu_cache import CpuKeyReader, learn_order

BLOCK = 128


class Table:
    """A block table of one request."""

    def __init__(self, blocks):
        self._blocks = np.array([blocks], np.int32)

    def get_numpy_array(self):
        return self._blocks


def written_cache(keys, blocks, total, isa):
    """A NaN-filled cache with ``[tokens, kv_heads, size]`` keys written by the engine's own op."""
    tokens, kv_heads, size = keys.shape
    cache = torch.full((total, kv_heads, BLOCK, 2 * size), torch.nan, dtype=keys.dtype)
    key_cache, value_cache = cache.view(total, kv_heads, 2 * BLOCK, size).chunk(2, dim=2)
    position = torch.arange(tokens)
    slots = torch.tensor(blocks)[position // BLOCK] * BLOCK + position % BLOCK
    ops.cpu_attn_reshape_and_cache(
        keys, torch.zeros_like(keys), key_cache, value_cache, slots, isa, 1.0, 1.0, "auto"
    )
    return cache


@pytest.mark.parametrize("isa", ["vec", "vec16"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("size", [32, 80, 128])
@pytest.mark.parametrize("tokens", [1, 127, 128, 300])
def test_keys_come_back(isa, dtype, size, tokens):
    torch.manual_seed(tokens)
    keys = torch.randn(tokens, 3, size).to(dtype)
    blocks = [5, 2, 7]
    module = SimpleNamespace(
        kv_cache=written_cache(keys, blocks, 9, isa), isa=isa, kv_cache_dtype="auto"
    )
    found = CpuKeyReader(module, Table(blocks)).read(0, tokens)
    assert torch.equal(found, keys.float().transpose(0, 1))


def test_any_order_is_restored_by_gathering(monkeypatch):
    order = torch.randperm(BLOCK * 32).view(BLOCK, 32)
    monkeypatch.setattr("sidecar.tap.engines.cpu_cache.learn_order", lambda *_: order)
    keys = torch.randn(BLOCK, 32)
    packed = torch.empty(BLOCK * 32)
    packed[order.view(-1)] = keys.reshape(-1)
    cache = torch.zeros(1, 1, BLOCK, 64)
    cache.view(1, 1, 2, -1)[0, 0, 0] = packed
    module = SimpleNamespace(kv_cache=cache, isa="any", kv_cache_dtype="auto")
    assert torch.equal(CpuKeyReader(module, Table([0])).read(0, 100)[0], keys[:100])


def test_the_order_is_a_permutation():
    order = learn_order(BLOCK, 32, "vec", torch.bfloat16)
    assert torch.equal(order.view(-1).sort().values, torch.arange(BLOCK * 32))


def test_an_unknown_cache_dtype_is_refused():
    module = SimpleNamespace(
        kv_cache=torch.zeros(1, 1, BLOCK, 64), isa="vec", kv_cache_dtype="fp8_e4m3"
    )
    with pytest.raises(Unsupported, match="fp8_e4m3"):
        CpuKeyReader(module, Table([0]))
