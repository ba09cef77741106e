"""The specification of the summary, in float32 PyTorch; others are tested against it."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class Scoring:
    """How a layer turns query and key into attention weights.

    ``window`` counts the positions a query sees, itself included. ``slopes`` are ALiBi's,
    ``sinks`` the learned logits of an attention sink, both ``[heads]`` float32.
    """

    scale: float
    soft_cap: float = 0.0
    window: int | None = None
    slopes: Tensor | None = None
    sinks: Tensor | None = None


class Summary(NamedTuple):
    """Statistics of one attention row per head; ``[heads]`` or ``[heads, segments]``.

    ``previous_weight`` is NaN at the first position. With learned sinks, ``sink_mass`` is what they
    absorb and ``mass`` sums to one minus that.
    """

    mass: Tensor
    peak: Tensor
    argmax: Tensor
    entropy: Tensor
    square_sum: Tensor
    self_weight: Tensor
    previous_weight: Tensor
    sink_mass: Tensor


def attention_logits(query: Tensor, keys: Tensor, scoring: Scoring) -> Tensor:
    """Scaled, capped, biased and masked scores of the newest position over all positions.

    ``query`` is ``[heads, size]``, ``keys`` ``[kv_heads, positions, size]`` with the query's own
    position last and consecutive heads sharing a key head. Returns ``[heads, positions]`` float32.
    """
    heads, size = query.shape
    kv_heads, positions, _ = keys.shape
    grouped = query.float().reshape(kv_heads, heads // kv_heads, size)
    logits = (grouped @ keys.float().transpose(-1, -2)).reshape(heads, positions) * scoring.scale
    if scoring.soft_cap:
        logits = scoring.soft_cap * torch.tanh(logits / scoring.soft_cap)
    if scoring.slopes is not None:
        distance = torch.arange(positions, device=logits.device) - (positions - 1)
        logits = logits + scoring.slopes.to(logits)[:, None] * distance
    if scoring.window is not None and scoring.window < positions:
        logits[:, : positions - scoring.window] = -torch.inf
    return logits


def attention_weights(query: Tensor, keys: Tensor, scoring: Scoring) -> Tensor:
    """Weights of the newest position, ``[heads, positions]`` float32; shapes of `attention_logits`.

    Rows sum to one, or less where a learned sink absorbs some.
    """
    logits = attention_logits(query, keys, scoring)
    if scoring.sinks is None:
        return logits.softmax(-1)
    sinks = scoring.sinks.to(logits)[:, None]
    return torch.cat([logits, sinks], -1).softmax(-1)[:, :-1]


def summarise(query: Tensor, keys: Tensor, starts: Tensor, scoring: Scoring) -> Summary:
    """Summarise the attention of the newest position; shapes of `attention_logits`.

    ``starts`` is ``[segments]`` int64, ascending from 0: segment i covers ``starts[i]`` up to
    ``starts[i + 1]``, the last one up to the end.
    """
    weights = attention_weights(query, keys, scoring)
    positions = weights.shape[-1]
    segments = weights.tensor_split(starts[1:].cpu(), dim=-1)
    nothing = torch.full_like(weights[:, -1], torch.nan)
    return Summary(
        mass=torch.stack([segment.sum(-1) for segment in segments], -1),
        peak=torch.stack([segment.amax(-1) for segment in segments], -1),
        argmax=weights.argmax(-1),
        entropy=torch.special.entr(weights).sum(-1),
        square_sum=weights.square().sum(-1),
        self_weight=weights[:, -1],
        previous_weight=weights[:, -2] if positions > 1 else nothing,
        sink_mass=1 - weights.sum(-1) if scoring.sinks is not None else torch.zeros_like(nothing),
    )
