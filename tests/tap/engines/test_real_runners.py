"""The installed vLLM's own classes have every name that the adapters rely on.

Their attributes are set in methods that need a device, so they are read off the source.
"""

import ast
import inspect
import textwrap
from dataclasses import fields
from pathlib import Path

import pytest

from sidecar.tap.engines.rehearsal import REQUEST_ID, dummy_decode, dummy_request
from sidecar.tap.engines.vllm_runner import _NEEDED, _resumed
from sidecar.tap.engines.vllm_v1 import NEEDED as V1_NEEDED
from sidecar.tap.engines.vllm_v2 import NEEDED as V2_NEEDED

pytestmark = pytest.mark.filterwarnings(r"ignore:::torch(\.|$)", r"ignore:::vllm(\.|$)")


def attributes(kind):
    """Methods, properties and fields of a class, and what its methods assign to ``self``."""
    found = set(dir(kind)) | set(inspect.get_annotations(kind))
    for base in kind.__mro__[:-1]:
        found |= assigned(ast.parse(textwrap.dedent(inspect.getsource(base))))
    return found


def assigned(tree):
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


def first_names(paths, *more):
    return {path.partition(".")[0] for path in paths} | set(more)


def inner_names(paths, owner):
    return {path.partition(".")[2] for path in paths if path.startswith(owner + ".")}


RUNNER = {"device", "dtype", "vllm_config", "model_config", "compilation_config", "kv_cache_config"}
RUNNER |= {"max_model_len", "max_num_tokens"}


def test_the_v1_runner():
    from vllm.v1.utils import CpuGpuBuffer
    from vllm.v1.worker.block_table import BlockTable
    from vllm.v1.worker.gpu_input_batch import CachedRequestState, InputBatch
    from vllm.v1.worker.gpu_model_runner import GPUModelRunner

    assert first_names(V1_NEEDED, *_NEEDED, *RUNNER) - attributes(GPUModelRunner) == set()
    batch = inner_names(V1_NEEDED, "input_batch")
    assert batch - attributes(InputBatch) == set()
    assert {"num_tokens"} - attributes(CachedRequestState) == set()
    assert {"block_size", "block_table", "get_numpy_array"} - attributes(BlockTable) == set()
    assert {"np", "gpu"} - attributes(CpuGpuBuffer) == set()


def test_the_v2_runner():
    from vllm.v1.worker.gpu import model_runner
    from vllm.v1.worker.gpu.block_table import BlockTables
    from vllm.v1.worker.gpu.input_batch import InputBatch, InputBuffers

    wanted = first_names(V2_NEEDED, *_NEEDED, *RUNNER)
    assert wanted - attributes(model_runner.GPUModelRunner) == set()
    assert inner_names(V2_NEEDED, "block_tables") - attributes(BlockTables) == set()
    assert inner_names(V2_NEEDED, "input_buffers") - attributes(InputBuffers) == set()
    assert "input_batch" in model_runner.ExecuteModelState._fields
    batch = {"req_ids", "query_start_loc_np", "num_computed_tokens_np", "prefill_len_np"}
    assert batch - {field.name for field in fields(InputBatch)} == set()


def test_what_asynchronous_outputs_carry():
    from vllm.v1.worker.gpu.async_utils import AsyncOutput
    from vllm.v1.worker.gpu_model_runner import AsyncGPUModelRunnerOutput

    one, two = attributes(AsyncGPUModelRunnerOutput), attributes(AsyncOutput)
    assert {"async_copy_ready_event", "sampled_token_ids_cpu"} - one == set()
    assert {"copy_event", "sampled_token_ids"} - two == set()


def test_an_attention_layer():
    from vllm.model_executor.layers.attention.attention import Attention

    wanted = {"impl", "attn_type", "num_heads", "num_kv_heads", "head_size", "kv_cache"}
    wanted |= {"kv_cache_dtype", "query_quant"}
    assert wanted - attributes(Attention) == set()


@pytest.mark.parametrize("module", ["gpu_model_runner", "gpu.model_runner"], ids=["V1", "V2"])
def test_the_layers_are_told_where_rows_start_before_they_run(module):
    """The stash relies on a table on the device that ends with the batch's end."""
    import importlib

    source = inspect.getsource(importlib.import_module(f"vllm.v1.worker.{module}"))
    fills = ["query_start_loc.np[num_reqs + 1 :].fill(", "query_start_loc_np[num_reqs + 1 :] = "]
    assert any(fill in source for fill in fills)


@pytest.mark.parametrize("backend", ["flash_attn", "triton_attn", "flashinfer"])
def test_a_back_ends_cache_has_keys_before_values(backend):
    """As `gpu_cache` cuts it: ``[blocks, heads, block_size, 2 * size]``."""
    import importlib.util

    spec = importlib.util.find_spec(f"vllm.v1.attention.backends.{backend}")
    assert spec
    source = Path(spec.origin or "").read_text()
    assert "kv_cache.transpose(1, 2)" in source
    assert "split(self.head_size, dim=-1)" in source or "split(hs, dim=-1)" in source


def test_the_dummys_steps_are_the_schedulers_own():
    first = dummy_request([1, 2, 3], ([1],), {})
    (new,) = first.scheduled_new_reqs
    assert new.prefill_token_ids == [1, 2, 3]
    assert not _resumed(new)
    new.prefill_token_ids = [1, 2, 3, 4]
    assert _resumed(new)
    decode = dummy_decode(3)
    assert decode.scheduled_cached_reqs.req_ids == [REQUEST_ID]
    assert decode.scheduled_cached_reqs.num_computed_tokens == [3]
    assert decode.num_scheduled_tokens == {REQUEST_ID: 1}
