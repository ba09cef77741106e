"""A paged cache with known keys, summarised by the kernels and by the specification."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from sidecar.tap.summary.flight import Flight, PagedRequest
from sidecar.tap.summary.naive import Scoring, attention_weights, summarise
from sidecar.tap.summary.paged_keys import PagedKeys
from sidecar.tap.summary.triton_paged import PagedSummary
from sidecar.tap.summary.tuning import Tuning

LAYOUTS = (
    *("LKBNHC", "LBKNHC", "LKBHNC", "LBKHNC"),
    *("LBHNKC", "LBNHKC", "LHBNKC", "BLHNKC", "BLNHKC", "BHLNKC"),
)
"""Physical orders of layer, key or value, block, position, head and content: those that vLLM's
FlashAttention, Triton and FlashInfer back ends had up to 0.31, and its ``KVCacheLayout`` since."""

RAW = {1: torch.uint8, 2: torch.int16, 4: torch.int32}


@dataclass
class Case:
    """Random queries and keys; unused parts of the cache hold NaN.

    ``lengths`` and ``starts`` are the requests'.
    """

    device: torch.device
    lengths: Sequence[int] = (37, 1, 70)
    starts: Sequence[Sequence[int]] = ((0, 4, 11), (0,), (0, 4, 5, 40, 69))
    heads: int = 4
    kv_heads: int = 2
    size: int = 64
    block_size: int = 16
    layout: str = "LKBNHC"
    dtype: torch.dtype = torch.float32
    query_dtype: torch.dtype | None = None
    scorings: Sequence[Scoring] = (Scoring(scale=0.125),)
    key_scales: Tensor | None = None
    """Expands to ``[layers, blocks, block_size, kv_heads]``."""
    tuning: Tuning = field(default_factory=lambda: Tuning(tile=16, programs=18))
    max_segments: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        self.random = torch.Generator().manual_seed(self.seed)
        self.table = self._block_table()
        self.caches = self._caches()
        self.query = self._normal(len(self.scorings), len(self.lengths) + 2, self.heads, self.size)
        self.query = (3 * self.query).to(self.query_dtype or self.dtype).to(self.device)
        self.requests = self._requests()
        self.fill()
        self.summary = PagedSummary(
            PagedKeys(self.caches, self.table, self._scales()),
            self.scorings,
            self.heads,
            max_requests=len(self.lengths) + 1,
            max_segments=self.max_segments,
            tuning=self.tuning,
        )

    def fill(self) -> None:
        """Write new random keys where the requests' positions are."""
        for cache in self.caches:
            for request in self.requests:
                block, slot = self._places(request)
                values = self._normal(request.positions, self.kv_heads, self.size)
                values = values.to(self.device).to(cache.dtype)
                raw = RAW[cache.element_size()]  # torch does not index fp8 everywhere
                cache.view(raw)[block, slot] = values.view(raw)

    def run(self) -> Flight:
        """Launch over buffers full of NaN."""
        self.spoil()
        flight = self.summary.launch(self.query, self.requests)
        assert flight
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        assert flight.ready()
        return flight

    def spoil(self) -> None:
        """Fill what the kernels write with NaN."""
        for buffer in self.summary._buffers:
            buffer.fill_(torch.nan)

    def check(self, flight: Flight | None = None) -> None:
        """Every statistic of every request equals the specification's."""
        flight = flight or self.run()
        rtol = 1e-4 if self.device.type == "cuda" else 2e-5  # a GPU's exp is an approximation
        for number, request in enumerate(self.requests):
            found = flight.summary(number)
            by_layer = {
                name: values.reshape(len(self.scorings), self.heads, *values.shape[1:])
                for name, values in found.items()
            }
            for layer in range(len(self.scorings)):
                self._agree(layer, request, {n: v[layer] for n, v in by_layer.items()}, rtol)

    def keys(self, layer: int, request: PagedRequest) -> Tensor:
        """What the layer's cache holds, ``[kv_heads, positions, size]`` float32."""
        block, slot = self._places(request)
        keys: Tensor = self.caches[layer].float()[block, slot]
        if self.key_scales is not None:
            scales = self._scales()[layer].expand(self.caches[layer].shape[:3])
            keys = keys * scales[block, slot].unsqueeze(-1)
        return keys.transpose(0, 1)

    def _agree(self, layer, request, found, rtol):
        scoring = self.scorings[layer]
        query, keys = self.query[layer, request.query_row].float(), self.keys(layer, request)
        expected = summarise(query, keys, torch.from_numpy(request.starts), scoring)
        weights = attention_weights(query, keys, scoring).cpu().numpy()
        at_argmax = weights[np.arange(self.heads), found["argmax"]]
        np.testing.assert_allclose(at_argmax, weights.max(-1), rtol=rtol, err_msg="argmax")
        for name, wanted in expected._asdict().items():
            if name != "argmax":
                np.testing.assert_allclose(
                    found[name], wanted.cpu().numpy(), rtol=rtol, atol=2e-6, err_msg=name
                )

    def _places(self, request):
        positions = torch.arange(request.positions, device=self.device)
        blocks = self.table[request.batch_row, positions // self.block_size]
        return blocks.long(), positions % self.block_size

    def _block_table(self):
        """Blocks in random order, and some that nobody holds."""
        per_row = -(-max(self.lengths) // self.block_size) + 1
        rows = len(self.lengths) + 1
        self.blocks = rows * per_row + 3
        order = torch.randperm(self.blocks, generator=self.random)[: rows * per_row]
        return order.reshape(rows, per_row).int().to(self.device)

    def _caches(self):
        layers, sizes = len(self.scorings), {"K": 2, "C": self.size, "B": self.blocks}
        sizes |= {"L": layers, "N": self.block_size, "H": self.kv_heads}
        shape = [sizes[axis] for axis in self.layout]
        cache = torch.full(shape, torch.nan).to(self.dtype).to(self.device)
        return list(cache.permute([self.layout.index(axis) for axis in "KLBNHC"])[0])

    def _scales(self):
        if self.key_scales is None:
            return None
        shape = (len(self.scorings), self.blocks, self.block_size, self.kv_heads)
        return list(self.key_scales.to(self.device).expand(shape))

    def _requests(self):
        """In an order that is neither the stash's nor the batch's."""
        rows = range(len(self.lengths))
        return [
            PagedRequest(len(self.lengths) + 1 - row, row + 1, length, np.array(starts))
            for row, length, starts in zip(rows, self.lengths, self.starts, strict=True)
        ][::-1]

    def _normal(self, *shape):
        return torch.randn(shape, generator=self.random)
