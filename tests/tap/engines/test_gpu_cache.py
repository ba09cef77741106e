"""Key views of vLLM's GPU caches, in every physical order."""

from types import SimpleNamespace

import pytest
import torch

from sidecar.tap.engines.base import Layer, Unsupported
from sidecar.tap.engines.gpu_cache import paged_layer
from sidecar.tap.summary.naive import Scoring

BLOCKS, BLOCK, HEADS, SIZE = 5, 16, 2, 8


def orders():
    from vllm.v1.kv_cache_layout import KVCacheLayout

    return [(layout.name, layout.stride_order) for layout in KVCacheLayout]


def cache(order, dtype=torch.float32, layers=3):
    """One layer of a model's cache, ``[blocks, heads, block, 2 * size]``, laid out in ``order``."""
    logical = (layers, BLOCKS, HEADS, BLOCK, 2 * SIZE)
    physical = torch.zeros([logical[axis] for axis in order], dtype=dtype)
    return physical.permute([order.index(axis) for axis in range(5)])[1]


def layer(kv_cache, dtype="auto", **more):
    values = {"kv_cache": kv_cache, "kv_cache_dtype": dtype, "query_quant": None} | more
    module = SimpleNamespace(**values)
    return Layer("model.layers.1.attn", 1, module, 4, HEADS, SIZE, torch.float32, Scoring(1.0))


@pytest.mark.filterwarnings(r"ignore:::torch(\.|$)", r"ignore:::vllm(\.|$)")
def test_keys_are_where_the_engine_writes_them():
    for name, order in orders():
        tensor = cache(order)
        keys, values = tensor.transpose(1, 2).split(SIZE, dim=-1)  # as the back ends do
        keys.fill_(1.0)
        values.fill_(2.0)
        found = paged_layer(layer(tensor), 0, BLOCK)
        assert found.keys.shape == (BLOCKS, BLOCK, HEADS, SIZE), name
        assert found.keys.data_ptr() == keys.data_ptr()
        assert (found.keys == 1.0).all()
        assert found.scale is None


def test_quantised_keys_have_their_scale():
    raw = cache((0, 1, 2, 3, 4), torch.uint8)
    scale = torch.tensor(0.25)
    found = paged_layer(layer(raw, "fp8", _k_scale=scale), 0, BLOCK)
    assert found.keys.dtype == torch.float8_e4m3fn
    assert found.scale is not None
    assert found.scale.expand(found.keys.shape[:3]).unique().tolist() == [0.25]


@pytest.mark.parametrize(
    ("changes", "block", "complaint"),
    [
        ({"query_quant": object()}, BLOCK, "queries are quantised"),
        ({"dtype": "nvfp4"}, BLOCK, "cache dtype 'nvfp4' is not read"),
        ({}, 2 * BLOCK, "keys of a block are"),
        ({"kv_cache": torch.zeros(BLOCKS, BLOCK, 576)}, BLOCK, "the cache is"),
        ({"kv_cache": torch.zeros(2, BLOCKS, BLOCK, 2 * SIZE)}, BLOCK, "the cache is"),
    ],
)
def test_an_unknown_cache_is_refused(changes, block, complaint):
    with pytest.raises(Unsupported, match=complaint):
        paged_layer(layer(**{"kv_cache": cache((0, 1, 2, 3, 4))} | changes), 0, block)
