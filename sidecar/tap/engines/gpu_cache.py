"""Keys in vLLM's GPU caches.

From 0.26 on a layer's cache is ``[blocks, kv_heads, block_size, 2 * size]`` in FlashAttention,
Triton and FlashInfer alike, keys before values, whatever order its strides give to the memory.
"""

from typing import Any

import torch
from torch import Tensor

from sidecar.tap.engines.base import Layer, PagedLayer, Unsupported

_FP8 = {
    "fp8": torch.float8_e4m3fn,
    "fp8_e4m3": torch.float8_e4m3fn,
    "fp8_e5m2": torch.float8_e5m2,
}
_PLAIN = ("auto", "bfloat16", "float16", "float32")


def paged_layer(layer: Layer, group: int, block_size: int) -> PagedLayer:
    """Raises Unsupported where the layer's cache or query is of a form that is not known.

    ``block_size`` is that of the group's block table.
    """
    module = layer.module
    if getattr(module, "query_quant", None) is not None:
        raise Unsupported(f"layer {layer.name!r}: queries are quantised before attention")
    keys = _keys(layer, module.kv_cache, str(module.kv_cache_dtype))
    if keys.shape[1:] != (block_size, layer.kv_heads, layer.size):
        wanted = [block_size, layer.kv_heads, layer.size]
        raise Unsupported(
            f"layer {layer.name!r}: keys of a block are {list(keys.shape[1:])}, should be {wanted}"
        )
    return PagedLayer(group, keys, _scale(module, keys))


def _keys(layer: Layer, cache: Any, dtype: str) -> Tensor:
    """``[blocks, block_size, kv_heads, size]`` without the values."""
    shape = list(getattr(cache, "shape", []))
    if len(shape) != 4 or shape[1] != layer.kv_heads or shape[3] != 2 * layer.size:
        wanted = f"[blocks, {layer.kv_heads}, block_size, {2 * layer.size}]"
        raise Unsupported(f"layer {layer.name!r}: the cache is {shape}, should be {wanted}")
    keys: Tensor = cache.transpose(1, 2)[..., : layer.size]
    if dtype in _PLAIN:
        return keys
    if dtype not in _FP8:
        raise Unsupported(f"layer {layer.name!r}: cache dtype {dtype!r} is not read on the GPU")
    return keys.view(_FP8[dtype]) if keys.dtype == torch.uint8 else keys


def _scale(module: Any, keys: Tensor) -> Tensor | None:
    """The scale of quantised keys, one number; None where they are plain."""
    if keys.dtype not in _FP8.values():
        return None
    if getattr(module, "calculate_kv_scales", False):
        raise Unsupported("the scale of the keys changes while the engine serves")
    scale: Tensor = module._k_scale.float().reshape(1, 1, 1)
    return scale
