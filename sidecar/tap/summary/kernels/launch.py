"""Both kernels with what never changes bound to them."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import triton.language as tl
from torch import Tensor

from sidecar.tap.summary.flight import MASS
from sidecar.tap.summary.kernels.combine import combine
from sidecar.tap.summary.kernels.partials import STATISTICS, partials
from sidecar.tap.summary.naive import Scoring
from sidecar.tap.summary.paged_keys import Offsets, PagedKeys, Scorings, product_dtype
from sidecar.tap.summary.tuning import Tuning, power_of_two

_TYPES = {torch.float32: tl.float32, torch.float16: tl.float16, torch.bfloat16: tl.bfloat16}


class Buffers(NamedTuple):
    """What the kernels write, flat float32: the statistics of pieces, the scores of the last two
    positions, and the statistics as a `Flight` reads them.
    """

    workspace: Tensor
    recent: Tensor
    statistics: Tensor


class Launch:
    """``partials``, then ``combine``, over the same layers, on the current stream."""

    def __init__(
        self,
        keys: PagedKeys,
        scorings: Sequence[Scoring],
        heads: int,
        *,
        segments: int,
        tuning: Tuning,
    ) -> None:
        """``segments`` are what a row of the requests has room for, a power of two."""
        self._keys = keys
        self._scorings = Scorings.of(scorings, heads, keys.device)
        self._offsets = Offsets.of(keys.layers)
        self._scale_offsets = Offsets.of(keys.scales) if keys.scales else None
        self._heads = heads
        self._segments = segments
        self._tuning = tuning
        self._tile = tuning.tile_for(keys.layers[0])

    def buffers(self, max_requests: int) -> Buffers:
        """Enough for any number of requests up to this."""
        counts = range(1, max_requests + 1)
        slots = max(count * (self._splits(count) + self._segments) for count in counts)
        rows = len(self._keys.layers) * self._heads
        values = (
            slots * rows * int(STATISTICS),
            max_requests * rows * 2,
            max_requests * rows * (MASS + 2 * self._segments),
        )
        return Buffers(*(torch.empty(count, device=self._keys.device) for count in values))

    def __call__(self, query: Tensor, requests: Tensor, segments: int, buffers: Buffers) -> None:
        """Summarise ``requests``, ``[number, columns]`` of a `Flight`, with room for ``segments``
        in their statistics. ``query`` is ``[layers, rows, heads, size]``.
        """
        number, layers = len(requests), len(self._keys.layers)
        splits = self._splits(number)
        slots = splits + segments
        self._partials(query, requests, splits, slots, buffers)
        combine[self._heads, number * layers](
            buffers.statistics,
            buffers.workspace,
            buffers.recent,
            requests,
            self._scorings.windows,
            self._scorings.sinks,
            splits,
            slots,
            segments,
            requests.stride(0),
            layers=layers,
            heads=self._heads,
            tile=self._tile,
        )

    def _partials(
        self, query: Tensor, requests: Tensor, splits: int, slots: int, buffers: Buffers
    ) -> None:
        keys, scorings = self._keys, self._scorings
        first, scales = keys.layers[0], keys.scales
        _, block_size, key_heads, size = first.shape
        group = self._heads // key_heads
        partials[key_heads, splits, len(requests) * len(keys.layers)](
            buffers.workspace,
            buffers.recent,
            query,
            first,
            scales[0] if scales else None,
            keys.block_table,
            requests,
            self._offsets.values,
            self._scale_offsets.values if self._scale_offsets else None,
            scorings.scales,
            scorings.soft_caps,
            scorings.windows,
            scorings.slopes,
            splits,
            slots,
            requests.stride(0),
            keys.block_table.stride(0),
            query.stride(),
            first.stride(),
            scales[0].stride() if scales else None,
            layers=len(keys.layers),
            heads=self._heads,
            group=group,
            padded_group=power_of_two(group, least=self._tuning.lanes),
            size=size,
            padded_size=power_of_two(size),
            block_size=block_size,
            segments=self._segments,
            alignment=self._offsets.alignment,
            tile=self._tile,
            dtype=self._product_type(query),
            num_warps=self._tuning.warps,
            num_stages=self._tuning.stages,
        )

    def _product_type(self, query: Tensor) -> tl.dtype:
        if self._keys.device.type == "cpu":  # the interpreter multiplies no bfloat16
            return tl.float32
        return _TYPES[product_dtype(query.dtype, self._keys.dtype)]

    def _splits(self, requests: int) -> int:
        rows = requests * len(self._keys.layers) * self._keys.layers[0].shape[2]
        return self._tuning.splits_for(rows, self._keys.device)
