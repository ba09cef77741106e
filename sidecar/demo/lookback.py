"""A head start: six heads of the first layer begin by looking 1 to 6 tokens back.

Copying from context needs heads that see which tokens came just before; left to chance, a model
this small finds them after millions of tokens. Rotary embeddings make a position-only head possible
once all tokens share a direction: with query R(-d)p and key p along it, the score of a key m
positions back is |p|² Σ cos((m - d)θ) over the rotation frequencies θ in p, largest at m = d.
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize
from transformers import LlamaForCausalLM

_PEAK_SCORE = 18.0
"""Attention score at the wanted distance, before the softmax."""
_FAST_FREQUENCIES = 4
"""Only these tell neighbouring positions apart."""
_KEY_HEADS = 3


@torch.no_grad()
def begin(model: LlamaForCausalLM) -> None:
    """Set the embeddings' common direction and the query and key weights of the first heads."""
    embeddings = model.model.embed_tokens.weight
    common = normalize(torch.randn(embeddings.shape[1]), dim=0)
    embeddings.add_(common * embeddings.norm(dim=1).mean())
    attention, size = model.model.layers[0].self_attn, model.config.head_dim
    after_norm = (embeddings.shape[1] / 2) ** 0.5
    gain = (_PEAK_SCORE * size**0.5) ** 0.5 / after_norm
    key = _fast_direction(size)
    for head in range(_KEY_HEADS):
        _set_head(attention.k_proj.weight, head, gain * torch.outer(key, common), size)
    group = model.config.num_attention_heads // model.config.num_key_value_heads
    for head in range(_KEY_HEADS * group):
        query = _rotated(key, -(head + 1), model.config.rope_parameters["rope_theta"])
        _set_head(attention.q_proj.weight, head, gain * torch.outer(query, common), size)


def _set_head(weight: Tensor, head: int, values: Tensor, size: int) -> None:
    weight[head * size : (head + 1) * size] = values


def _fast_direction(size: int) -> Tensor:
    direction = torch.zeros(size)
    direction[:_FAST_FREQUENCIES] = _FAST_FREQUENCIES**-0.5
    return direction


def _rotated(vector: Tensor, positions: int, base: float) -> Tensor:
    """Rotary embedding of ``vector`` [head size] by a number of positions, halves paired."""
    first, second = vector.chunk(2)
    angle = positions * base ** (-torch.arange(len(first)) / len(first))
    cos, sin = torch.cos(angle), torch.sin(angle)
    return torch.cat([first * cos - second * sin, second * cos + first * sin])
