"""What the paged kernels are told of layers: where their keys are, and how they score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from sidecar.tap.summary.naive import Scoring

_FP8 = (torch.float8_e4m3fn, torch.float8_e5m2)
_DTYPES = (torch.float32, torch.float16, torch.bfloat16, *_FP8)
_UNBOUNDED = 2**31 - 1
_VECTOR = 16


@dataclass(frozen=True)
class PagedKeys:
    """The keys of alike layers that share a block table. All tensors stay where they are.

    ``layers`` are views ``[blocks, block_size, kv_heads, size]`` of the caches, of any strides but
    all of the same. ``block_table`` is ``[batch, max_blocks]`` int32. ``scales`` are what stored
    keys are multiplied by, a float32 view for each layer that expands to
    ``[blocks, block_size, kv_heads]``. Raises ValueError where layers are not alike.
    """

    layers: Sequence[Tensor]
    block_table: Tensor
    scales: Sequence[Tensor] | None = None

    def __post_init__(self) -> None:
        _check_alike("layers", self.layers)
        if self.dtype not in _DTYPES:
            raise ValueError(f"layers: dtype {self.dtype}, should be one of {_DTYPES}")
        if self.block_table.dtype != torch.int32:
            raise ValueError(f"block_table: dtype {self.block_table.dtype}, should be torch.int32")
        if self.scales is not None:
            expanded = [scale.expand(self.layers[0].shape[:3]) for scale in self.scales]
            _check_alike("scales", expanded)
            object.__setattr__(self, "scales", expanded)

    @property
    def device(self) -> torch.device:
        return self.layers[0].device

    @property
    def dtype(self) -> torch.dtype:
        return self.layers[0].dtype


class Offsets(NamedTuple):
    """Distances in elements of each layer's tensor from the first, int64, and what divides them."""

    values: Tensor
    alignment: int

    @classmethod
    def of(cls, tensors: Sequence[Tensor]) -> "Offsets":
        """Raises ValueError where tensors are not whole elements apart."""
        first = tensors[0]
        distances = [tensor.data_ptr() - first.data_ptr() for tensor in tensors]
        if any(distance % first.element_size() for distance in distances):
            raise ValueError(f"layers: {distances} bytes apart, should be whole elements")
        values = [distance // first.element_size() for distance in distances]
        aligned = all(value % _VECTOR == 0 for value in values)
        return cls(torch.tensor(values, device=first.device), _VECTOR if aligned else 1)


class Scorings(NamedTuple):
    """The layers' `Scoring` on the device, ``[layers]``, or ``[layers, heads]`` float32.

    What no layer has is None; a layer without is neutral.
    """

    scales: Tensor
    windows: Tensor
    soft_caps: Tensor | None
    slopes: Tensor | None
    sinks: Tensor | None

    @classmethod
    def of(cls, scorings: Sequence[Scoring], heads: int, device: torch.device) -> "Scorings":
        def table(values: Sequence[Tensor | None], neutral: float) -> Tensor | None:
            if all(value is None for value in values):
                return None
            absent = torch.full((heads,), neutral, device=device)
            rows = [absent if value is None else value.to(absent) for value in values]
            return torch.stack(rows)

        caps = [scoring.soft_cap for scoring in scorings]
        windows = [scoring.window or _UNBOUNDED for scoring in scorings]
        return cls(
            scales=torch.tensor([scoring.scale for scoring in scorings], device=device),
            windows=torch.tensor(windows, dtype=torch.int32, device=device),
            soft_caps=torch.tensor(caps, device=device) if any(caps) else None,
            slopes=table([scoring.slopes for scoring in scorings], 0.0),
            sinks=table([scoring.sinks for scoring in scorings], -torch.inf),
        )


def product_dtype(query: torch.dtype, keys: torch.dtype) -> torch.dtype:
    """The narrowest type for a matrix product that holds both exactly."""
    wide = {query, keys}.difference(_FP8)
    if len(wide) == 2:
        return torch.float32
    return wide.pop() if wide else torch.bfloat16


def _check_alike(name: str, tensors: Sequence[Tensor]) -> None:
    kinds = {(tuple(one.shape), one.stride(), one.dtype, one.device) for one in tensors}
    if len(kinds) != 1:
        raise ValueError(f"{name}: should be one shape, stride, dtype and device, got {kinds}")
