"""On a GPU the samples equal eager PyTorch too: both runners, their back ends and CUDA graphs."""

import pytest
import torch

from tests.engine import local, model
from tests.engine.test_numbers import check, generate, prompt, steps

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here"),
]
RUNNERS = {"v1": "0", "v2": "1"}
BACK_ENDS = ("FLASH_ATTN", "TRITON_ATTN", "FLASHINFER")
GRAPHS = ("NONE", "PIECEWISE", "FULL_AND_PIECEWISE")
OPTIONS = {
    "dtype": "bfloat16",
    "enforce_eager": False,
    "gpu_memory_utilization": 0.1,
    "max_num_batched_tokens": 96,
    "max_num_seqs": 32,
    "num_gpu_blocks_override": 2048,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return model.write(tmp_path_factory.mktemp("model"), sharper=2.0)


@pytest.fixture(scope="module")
def network(folder):
    return model.reference(folder)


def start(folder, runner, back_end, graphs, monkeypatch, **options):
    monkeypatch.setenv("VLLM_USE_V2_MODEL_RUNNER", RUNNERS[runner])
    compilation = {"cudagraph_mode": graphs}
    attention = {"backend": back_end}
    every = {"compilation_config": compilation, "attention_config": attention}
    return local.start(folder, **OPTIONS | every | options)


@pytest.mark.parametrize("graphs", GRAPHS)
@pytest.mark.parametrize("back_end", BACK_ENDS)
@pytest.mark.parametrize("runner", RUNNERS)
def test_samples_equal_eager_pytorch(folder, network, runner, back_end, graphs, monkeypatch):
    engine = start(folder, runner, back_end, graphs, monkeypatch)
    assert engine.tap.blind == ""
    assert ("worker.gpu.model_runner" in engine.tap.identity.runner) == (runner == "v2")
    prompts = [prompt(n, n) for n in (1, 9, 140, 300)]
    outputs = generate(engine, prompts, 12)
    assert steps(engine.samples) == [list(range(12))] * 4
    check(engine.samples, prompts, outputs, network)
    assert engine.tap.dropped == {}


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("runner", RUNNERS)
def test_prefix_hits_and_scheduling_ahead(folder, network, runner, asynchronous, monkeypatch):
    engine = start(
        folder,
        runner,
        "TRITON_ATTN",
        "FULL_AND_PIECEWISE",
        monkeypatch,
        async_scheduling=asynchronous,
        enable_prefix_caching=True,
    )
    shared = prompt(256, 1)
    generate(engine, [shared + prompt(40, 2)], 2)
    engine.samples.clear()
    prompts = [shared + prompt(40, 3), prompt(70, 4)]
    outputs = generate(engine, prompts, 20)
    assert steps(engine.samples) == [list(range(20))] * 2
    check(engine.samples, prompts, outputs, network)
