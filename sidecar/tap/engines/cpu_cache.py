"""Keys in vLLM's CPU cache, whose order inside a block depends on the processor.

The order is learned, not known: numbers that name their token and dimension are written through the
engine's own cache-write op into a scratch block and read back.
"""

from typing import Any

import torch
from torch import Tensor

from sidecar.tap.engines.base import Unsupported

_BASE = 16


def learn_order(block_size: int, head_size: int, isa: str, dtype: torch.dtype) -> Tensor:
    """Where each key element lies inside a block.

    Returns ``[block_size, head_size]`` int64 offsets into the block's elements of one head. Raises
    Unsupported when what is read back is not a permutation of what was written.
    """
    token = torch.arange(block_size)[:, None].expand(block_size, head_size)
    dimension = torch.arange(head_size)[None].expand(block_size, head_size)
    found = [
        _read_back(digit, isa, dtype)
        for number in (token, dimension)
        for digit in (number // _BASE, number % _BASE)
    ]
    element = (found[0] * _BASE + found[1]) * head_size + found[2] * _BASE + found[3]
    if not torch.equal(element.sort().values, torch.arange(block_size * head_size)):
        raise Unsupported(f"keys written with isa {isa!r} do not come back from the cache")
    return element.argsort().view(block_size, head_size)


def _read_back(values: Tensor, isa: str, dtype: torch.dtype) -> Tensor:
    """Write one scratch block of keys and return its raw elements in memory order, int64."""
    from vllm import _custom_ops as ops

    block_size, head_size = values.shape
    scratch = torch.full((2, 1, 2 * block_size, head_size), -1, dtype=dtype)
    key_cache, value_cache = scratch.chunk(2, dim=2)
    keys = values.to(dtype).reshape(block_size, 1, head_size).contiguous()
    slots = torch.arange(block_size, 2 * block_size)
    ops.cpu_attn_reshape_and_cache(
        keys, keys, key_cache, value_cache, slots, isa, 1.0, 1.0, kv_cache_dtype="auto"
    )
    return key_cache[1, 0].reshape(-1).to(torch.int64)


class CpuKeyReader:
    """Reads one layer's keys through its block table, without knowing the processor."""

    def __init__(self, module: Any, block_table: Any) -> None:
        self._module = module
        self._block_table = block_table
        _, self._kv_heads, self._block_size, width = module.kv_cache.shape
        self._head_size = width // 2
        if module.kv_cache_dtype not in ("auto", "bfloat16", "float16", "float32"):
            raise Unsupported(f"cache dtype {module.kv_cache_dtype!r} is not read on the CPU")
        order = learn_order(
            self._block_size, self._head_size, module.isa, module.kv_cache.dtype
        ).view(-1)
        steps = torch.arange(len(order))
        self._transposed = torch.equal(
            order, steps.view(self._head_size, self._block_size).T.reshape(-1)
        )
        self._order = None if torch.equal(order, steps) else order

    def read(self, row: int, positions: int) -> Tensor:
        """Keys of a batch row, ``[kv_heads, positions, head_size]`` float32."""
        count = -(-positions // self._block_size)
        numbers = self._block_table.get_numpy_array()[row, :count].tolist()
        shape = (-1, self._kv_heads, 2, self._block_size * self._head_size)
        cache = self._module.kv_cache.view(shape)
        return self._restore([cache[number, :, 0] for number in numbers])[:, :positions]

    def _restore(self, blocks: list[Tensor]) -> Tensor:
        """Blocks ``[kv_heads, block * size]`` in memory order to ``[kv_heads, tokens, size]``."""
        if self._transposed:
            shape = (self._kv_heads, self._head_size, self._block_size)
            joined = torch.stack([block.view(shape) for block in blocks], 2).float()
            return joined.view(self._kv_heads, self._head_size, -1).transpose(-1, -2)
        joined = torch.stack(blocks, 1)
        ordered = joined if self._order is None else joined.index_select(-1, self._order)
        return ordered.float().view(self._kv_heads, -1, self._head_size)
