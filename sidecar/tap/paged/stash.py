"""Query rows of the running step on a GPU, kept by operations that a CUDA graph can record.

A full graph replays without Python, for batches unknown when it was captured. So the rows are not
chosen on the host: every layer keeps the last row of each request in the batch, where the engine's
own table of row starts says on the device that it is. The number of the kept row is the batch row.
"""

import torch
from torch import Tensor

from sidecar.tap.engines.base import Layer

_BYTES = 2**28
"""Of the buffer at most: it lies beside what vLLM reckoned with."""


class PagedStash:
    """One buffer ``[layers, rows, heads, size]`` at a fixed address, in the model's dtype.

    It holds NaN wherever nothing was kept since `spoil`.
    """

    def __init__(self, layers: list[Layer], query_starts: Tensor, max_rows: int) -> None:
        """``query_starts`` is ``[batch rows + 1]`` int32, filled before the layers run."""
        heads, _, size, dtype = layers[0].shape
        row = len(layers) * heads * size * dtype.itemsize
        rows = max(1, min(max_rows, len(query_starts) - 1, _BYTES // row))
        device = query_starts.device
        shape = (len(layers), rows, heads, size)
        self.buffer = torch.full(shape, torch.nan, dtype=dtype, device=device)
        self._query_starts = query_starts
        self._last = torch.zeros(rows, dtype=torch.int32, device=device)

    def put(self, slot: int, query: Tensor) -> None:
        """Keep every request's last row of a layer's query, ``[tokens, heads, size]``.

        Nothing is allocated and nothing waits. Slot 0 runs first in a step.
        """
        count = min(len(query), len(self._last))
        last = self._last[:count]
        if slot == 0:
            torch.sub(self._query_starts[1 : count + 1], 1, out=last)
            last.clamp_(0, len(query) - 1)  # a row out of bounds would end the engine's process
        torch.index_select(query, 0, last, out=self.buffer[slot, :count])

    def spoil(self) -> None:
        """Forget what was kept, after the work that reads it: a stale row must not pass for new."""
        self.buffer.fill_(torch.nan)

    @property
    def rows(self) -> int:
        """Batch rows that are kept; requests beyond are not summarised."""
        return self.buffer.shape[1]
