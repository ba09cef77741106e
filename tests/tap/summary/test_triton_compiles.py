"""The kernels compile for GPUs that are not here, within what a multiprocessor has."""

import functools
import re
from typing import Any

import pytest
import torch

from sidecar.tap.summary.flight import Flight
from sidecar.tap.summary.naive import Scoring
from sidecar.tap.summary.paged_keys import PagedKeys
from sidecar.tap.summary.tuning import Tuning

SHARED_MEMORY = {80: 163 * 1024, 90: 227 * 1024, 100: 227 * 1024}
"""Bytes that a program may use, by compute capability."""


class Driver:
    """A device that can be compiled for, not run on."""

    def __init__(self, capability: int) -> None:
        self.capability = capability

    def get_current_target(self) -> Any:
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", self.capability, 32)

    def get_current_device(self) -> int:
        """A number of its own for each capability: Triton remembers what a device is."""
        return self.capability

    def get_current_stream(self, device: int) -> int:
        return 0


KEYS = {
    "bfloat16": (torch.bfloat16, 128, 8),
    "fp8": (torch.float8_e4m3fn, 128, 8),
    "odd head size": (torch.bfloat16, 80, 8),
    "large head size": (torch.bfloat16, 256, 8),
    "one key head": (torch.bfloat16, 64, 1),
    "no sharing": (torch.bfloat16, 128, 32),
}
"""Dtype, size and number of key heads, for 32 query heads."""
HEADS = 32
EVERYTHING = Scoring(
    scale=0.1, soft_cap=30.0, window=4096, slopes=torch.zeros(HEADS), sinks=torch.zeros(HEADS)
)


@pytest.mark.parametrize("capability", SHARED_MEMORY)
def test_for_every_generation(monkeypatch, tmp_path, capability):
    fits(monkeypatch, tmp_path, capability, "bfloat16", Scoring(scale=0.1))


@pytest.mark.parametrize("name", KEYS)
def test_with_every_way_to_score_at_once(monkeypatch, tmp_path, name):
    fits(monkeypatch, tmp_path, 90, name, EVERYTHING)


def fits(monkeypatch, tmp_path, capability, name, scoring):
    """Both kernels compile; the first multiplies matrices and copies 16 bytes asynchronously."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    partials, combine = compiled(monkeypatch, capability, name, scoring)
    assert re.search("mma.sync|wgmma", partials.asm["ptx"])
    assert re.search(r"cp\.async\.cg\S* \[.*\], \[.*\], 0x10", partials.asm["ptx"])
    assert partials.metadata.target.arch == capability
    assert partials.metadata.shared <= SHARED_MEMORY[capability]
    assert combine.metadata.shared <= SHARED_MEMORY[capability]


def compiled(monkeypatch, capability, name, scoring):
    """Both kernels, as `Launch` would compile them."""
    from triton.runtime import driver
    from triton.runtime.jit import JITFunction

    from sidecar.tap.summary.kernels.launch import Buffers, Launch

    found = []

    def only_compile(kernel, grid):
        return lambda *args, **kwargs: found.append(kernel.warmup(*args, grid=grid, **kwargs))

    monkeypatch.setattr(JITFunction, "__getitem__", only_compile)
    monkeypatch.setattr(driver, "_active", Driver(capability))
    meta = functools.partial(torch.empty, device="meta")
    dtype, size, kv_heads = KEYS[name]
    scales = [meta(())] if dtype == torch.float8_e4m3fn else None
    keys = PagedKeys(
        [meta(100, 16, kv_heads, size, dtype=dtype)], meta(4, 10, dtype=torch.int32), scales
    )
    launch = Launch(keys, [scoring], HEADS, segments=512, tuning=Tuning(programs=132))
    query, requests = meta(1, 2, HEADS, size, dtype=torch.bfloat16), Flight(2, 512, 1, pinned=False)
    launch(query, requests.requests.to("meta"), 32, Buffers(meta(8), meta(8), meta(8)))
    return found
