"""Proof at start-up that samples come through, on the runner and cache in use.

One dummy request runs through the engine's own steps. The first one's sample must equal what the
layers' queries and keys give when taken straight from the forward pass, without stash or cache.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sidecar.tap.attention_field import AttentionRequest
from sidecar.tap.records import Sample
from sidecar.tap.request import XARG, encode
from sidecar.tap.summary.naive import summarise
from sidecar.tap.tap import Tap
from sidecar.tap.tapped import Tapped

_TOLERANCE = 2e-3
_FORCED = {XARG: encode(AttentionRequest(sample=True))}


class Seen(NamedTuple):
    """What a layer was given in the dummy request's first step, ``[tokens, heads, size]``."""

    query: Tensor
    key: Tensor


def prove(tap: Tap) -> str:
    """Run the dummy request; returns '' or why no sample can be trusted.

    Waits for the device, so never while the engine serves.
    """
    if tap.tapped is None:
        return tap.blind
    samples: list[Sample] = []
    seen: dict[int, Seen] = {}

    def show(slot: int, query: Tensor, key: Tensor) -> None:
        if slot not in seen:
            seen[slot] = Seen(query.clone(), key.clone())

    with tap.rehearsal(samples.append, show):
        steps = tap.adapter.rehearse(_FORCED)
        tap.settle()
        return _verdict(tap, tap.tapped, samples, seen, steps)


def _verdict(
    tap: Tap, tapped: Tapped, samples: list[Sample], seen: dict[int, Seen], steps: int
) -> str:
    if len(samples) < steps:
        counts = {"dropped": dict(tap.dropped), "errors": dict(tap.guard.errors)}
        found = "no sample" if not samples else f"{len(samples)} of {steps} samples"
        return f"the dummy step gave {found}, {counts}; does something else patch attention?"
    if len(seen) != len(tapped.layers):
        return f"only {len(seen)} of {len(tapped.layers)} tapped layers ran in the dummy step"
    worst = max(_difference(tapped, samples[0], slot, layer) for slot, layer in seen.items())
    if not worst <= _TOLERANCE:
        return f"weights from the cache differ from the forward pass by {worst:.1e}"
    return _decoded(samples[1:])


def _decoded(samples: list[Sample]) -> str:
    """A decode may be a graph that shows no queries or keys; its weights must sum to one still."""
    for sample in samples:
        heads = len(sample.values["layers"]) * sample.values["heads"]
        off = np.abs(sample.arrays["mass"].reshape(heads, -1).sum(-1) - 1).max()
        if not off <= _TOLERANCE:
            return f"weights of the dummy's decode step sum to one only within {off:.1e}"
    return ""


def _difference(tapped: Tapped, sample: Sample, slot: int, seen: Seen) -> float:
    """Largest difference of a mass between the sample and the forward pass."""
    layer = tapped.layers[slot]
    positions = sample.values["context_length"]  # a graph's batch is padded
    starts = torch.tensor(sample.values["segment_start"], dtype=torch.int64)
    query = seen.query[positions - 1].view(layer.heads, layer.size)
    keys = seen.key[:positions].view(positions, layer.kv_heads, layer.size).transpose(0, 1)
    expected = summarise(query, keys, starts, layer.scoring).mass.flatten().cpu()
    size = len(expected)
    found = torch.from_numpy(sample.arrays["mass"][slot * size : (slot + 1) * size])
    return float((found - expected).abs().max())
