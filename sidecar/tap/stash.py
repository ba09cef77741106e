"""Query rows of the running step, copied to fixed addresses while the layers run."""

import torch
from torch import Tensor

from sidecar.tap.engines.base import Layer


class Stash:
    """One buffer ``[layers, rows, heads, size]`` in the model's dtype.

    Only the rows that will be summarised are copied, so at rate 0 nothing is.
    """

    def __init__(self, layers: list[Layer], max_rows: int, device: str) -> None:
        heads, _, size, dtype = layers[0].shape
        shape = (len(layers), max_rows, heads, size)
        self._buffer = torch.empty(shape, dtype=dtype, device=device)
        self._filled = 0
        self._rows: Tensor | None = None

    def begin(self, query_rows: list[int]) -> None:
        """Choose the rows of the query tensor to keep in this step."""
        self._filled = 0
        self._rows = torch.tensor(query_rows, device=self._buffer.device) if query_rows else None

    def put(self, slot: int, query: Tensor) -> None:
        """Copy the chosen rows of a layer's query, ``[tokens, heads, size]``."""
        if self._rows is None:
            return
        torch.index_select(query, 0, self._rows, out=self._buffer[slot, : len(self._rows)])
        self._filled += 1

    @property
    def complete(self) -> bool:
        """Whether every layer has put its rows in this step."""
        return self._filled == len(self._buffer)

    def row(self, number: int) -> Tensor:
        """The kept rows' ``number``-th, of every layer: ``[layers, heads, size]``."""
        return self._buffer[:, number]
