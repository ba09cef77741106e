"""Proof at start-up that samples come through, on the runner and cache in use.

One dummy request runs through the engine's own step. Its sample must equal what the layers' queries
and keys give when taken straight from the forward pass, without the cache.
"""

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


def prove(tap: Tap) -> str:
    """Run the dummy request; returns '' or why no sample can be trusted."""
    if tap.tapped is None:
        return tap.blind
    samples: list[Sample] = []
    keys: dict[int, Tensor] = {}
    with tap.rehearsal(samples.append, lambda slot, key: keys.update({slot: key.clone()})):
        tap.adapter.rehearse(_FORCED)
        return _verdict(tap, tap.tapped, samples, keys)


def _verdict(tap: Tap, tapped: Tapped, samples: list[Sample], keys: dict[int, Tensor]) -> str:
    if not samples:
        seen = {"dropped": dict(tap.dropped), "errors": dict(tap.guard.errors)}
        return f"the dummy step gave no sample, {seen}; does something else patch attention?"
    if len(keys) != len(tapped.layers):
        return f"only {len(keys)} of {len(tapped.layers)} tapped layers ran in the dummy step"
    worst = max(_difference(tapped, samples[0], slot, key) for slot, key in keys.items())
    if not worst <= _TOLERANCE:
        return f"weights from the cache differ from the forward pass by {worst:.1e}"
    return ""


def _difference(tapped: Tapped, sample: Sample, slot: int, key: Tensor) -> float:
    """Largest difference of a mass between the sample and the forward pass."""
    layer = tapped.layers[slot]
    starts = torch.tensor(sample.values["segment_start"], dtype=torch.int64)
    keys = key.view(len(key), layer.kv_heads, layer.size).transpose(0, 1)
    expected = summarise(tapped.stash.row(0)[slot], keys, starts, layer.scoring).mass.flatten()
    size = len(expected)
    found = torch.from_numpy(sample.arrays["mass"][slot * size : (slot + 1) * size])
    return float((found - expected).abs().max())
