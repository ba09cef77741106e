"""The summary on the CPU: all tapped layers reduced together, with few passes over the weights."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sidecar.tap.summary.naive import Scoring

_MASKED = -1e4
"""Below any score that matters, and finite, so that a weight of zero times it is zero."""


def reduce(
    logits: Tensor, starts: np.ndarray, scorings: Sequence[Scoring]
) -> dict[str, np.ndarray]:
    """Statistics of ``[layers, heads, positions]`` float32 scores, by column of `schema.HEADS`.

    ``starts`` is ``[segments]``, as in `naive.summarise`. Arrays are flattened row-major,
    ``[layers, heads]`` or ``[layers, heads, segments]``; the mass that a learned sink absorbs is in
    the first segment, the sink. ``copied`` is not among them.
    """
    sinks = _sinks(logits, scorings)
    shifted, weights, total = _softmax(logits, sinks)
    host = weights.numpy()
    mass = np.add.reduceat(host, starts, axis=-1)
    if sinks is not None:
        mass[..., 0] += 1 - host.sum(-1)
    previous = weights[..., -2] if weights.shape[-1] > 1 else weights[..., -1] * torch.nan
    columns = {
        "mass": mass,
        "peak": np.maximum.reduceat(host, starts, axis=-1),
        "argmax": host.argmax(-1).astype(np.int32),
        "entropy": _entropy(weights, shifted, total, sinks).numpy(),
        "square_sum": torch.linalg.vecdot(weights, weights).numpy(),
        "self_weight": weights[..., -1].numpy(),
        "previous_weight": previous.numpy(),
    }
    return {name: values.reshape(-1) for name, values in columns.items()}


def _sinks(logits: Tensor, scorings: Sequence[Scoring]) -> Tensor | None:
    """Learned sink scores, ``[layers, heads, 1]``; None when no layer has them."""
    if all(scoring.sinks is None for scoring in scorings):
        return None
    absent = torch.full(logits.shape[1:2], -torch.inf)
    rows = [absent if scoring.sinks is None else scoring.sinks for scoring in scorings]
    return torch.stack(rows).to(logits).unsqueeze(-1)


def _softmax(logits: Tensor, sinks: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Scores minus their maximum, weights, and what these were divided by, ``[.., .., 1]``."""
    largest = logits.amax(-1, keepdim=True)
    if sinks is not None:
        largest = torch.maximum(largest, sinks)
    shifted = (logits - largest).clamp_(min=_MASKED)
    weights = shifted.exp()
    total = weights.sum(-1, keepdim=True)
    if sinks is not None:
        total += (sinks - largest).exp()
    return shifted, weights.div_(total), total


def _entropy(weights: Tensor, shifted: Tensor, total: Tensor, sinks: Tensor | None) -> Tensor:
    """Entropy over positions, ``-sum w ln w`` with ``ln w = shifted - ln total``."""
    mean_score: Tensor = torch.linalg.vecdot(weights, shifted)
    carried = torch.ones(()) if sinks is None else weights.sum(-1)
    return carried * total.squeeze(-1).log() - mean_score
