"""Adapters refuse runners they cannot read, and say why."""

from types import SimpleNamespace

import pytest

from sidecar.tap.engines import adapter_for
from sidecar.tap.engines.base import Unsupported
from sidecar.tap.engines.vllm_v1 import _NEEDED

_STATE = ("execute_model_state", "input_batch", "requests")


def runner(**changes):
    batch = dict.fromkeys(
        ("req_ids", "req_id_to_index", "num_computed_tokens_cpu", "token_ids_cpu", "block_table")
    )
    methods = dict.fromkeys(set(_NEEDED) - {"input_batch"})
    parallel = SimpleNamespace(world_size=1)
    values = {
        "input_batch": SimpleNamespace(**batch),
        "speculative_config": None,
        "vllm_config": SimpleNamespace(parallel_config=parallel),
        **methods,
    }
    return SimpleNamespace(**values | changes)


def test_a_runner_that_fits():
    adapter_for(runner())


def test_a_runner_of_another_generation_is_named_with_what_it_lacks():
    with pytest.raises(Unsupported, match=r"lacks input_batch\.req_ids"):
        adapter_for(runner(input_batch=SimpleNamespace()))


def test_speculative_decoding_is_refused():
    with pytest.raises(Unsupported, match="speculative decoding"):
        adapter_for(runner(speculative_config=object()))


@pytest.mark.filterwarnings(r"ignore:::torch(\.|$)", r"ignore:::vllm(\.|$)")
def test_the_real_v1_runner_still_has_the_methods():
    from vllm.v1.worker.gpu_model_runner import GPUModelRunner

    methods = [name for name in _NEEDED if name not in _STATE]
    assert [name for name in methods if not hasattr(GPUModelRunner, name)] == []
