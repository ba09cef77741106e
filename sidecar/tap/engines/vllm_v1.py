"""vLLM's V1 runner, `vllm.v1.worker.gpu_model_runner.GPUModelRunner`, here on its CPU back end."""

from typing import Any

import numpy as np
import torch

from sidecar.tap.engines.base import (
    Announcement,
    Incoming,
    KeyReader,
    Layer,
    Row,
    Unsupported,
)
from sidecar.tap.engines.cpu_cache import CpuKeyReader
from sidecar.tap.engines.rehearsal import dummy_end, dummy_request
from sidecar.tap.summary.naive import Scoring

_NEEDED = (
    "execute_model",
    "sample_tokens",
    "initialize_kv_cache",
    "execute_model_state",
    "input_batch",
    "requests",
)
_BATCH = ("req_ids", "req_id_to_index", "num_computed_tokens_cpu", "token_ids_cpu", "block_table")


class V1Adapter:
    """Reads the V1 runner's host-side state; nothing here touches a device tensor."""

    def __init__(self, runner: Any) -> None:
        missing = [name for name in _NEEDED if not hasattr(runner, name)]
        batch = getattr(runner, "input_batch", None)
        missing += [f"input_batch.{name}" for name in _BATCH if not hasattr(batch, name)]
        if missing:
            raise Unsupported(f"{type(runner).__name__} lacks {', '.join(missing)}")
        if getattr(runner, "speculative_config", None):
            raise Unsupported("speculative decoding: a step emits more than one token")
        if (ranks := runner.vllm_config.parallel_config.world_size) > 1:
            raise Unsupported(f"{ranks} ranks: tensor and pipeline parallelism were never tried")
        self._runner = runner

    def tokenizer(self) -> Any:
        """The engine's own tokenizer, from its cache."""
        if self._runner.model_config.skip_tokenizer_init:
            raise Unsupported("the engine runs without a tokenizer")
        from vllm.tokenizers import cached_tokenizer_from_config

        return cached_tokenizer_from_config(self._runner.model_config)

    def layers(self) -> list[Layer]:
        """Decoder attention layers with a cache of their own, by layer index."""
        from vllm.model_executor.models.utils import extract_layer_index

        context = self._runner.compilation_config.static_forward_context
        found = [
            _layer(name, extract_layer_index(name), module, self._runner.dtype)
            for name, module in context.items()
            if _is_decoder_attention(module)
        ]
        return sorted(found, key=lambda layer: layer.index)

    def key_reader(self, layer: Layer) -> KeyReader:
        """A reader for the CPU back end; a GPU needs the paged kernel."""
        if self._runner.device.type != "cpu":
            raise Unsupported(f"no key reader for device {self._runner.device}")
        groups = self._runner.kv_cache_config.kv_cache_groups
        for number, group in enumerate(groups):
            if layer.name in group.layer_names:
                return CpuKeyReader(layer.module, self._runner.input_batch.block_table[number])
        raise Unsupported(f"layer {layer.name!r} is in no cache group")

    def announcement(self, scheduler_output: Any) -> Announcement:
        """New requests carry their prompt; later steps do not repeat it."""
        incoming = [
            Incoming(
                new.req_id,
                new.prompt_token_ids,
                new.sampling_params.extra_args if new.sampling_params else None,
            )
            for new in scheduler_output.scheduled_new_reqs
        ]
        return Announcement(incoming, scheduler_output.finished_req_ids)

    def locate(self, request_id: str) -> Row | None:
        """A request emits when the step completes all of its known tokens."""
        runner = self._runner
        batch = runner.input_batch
        index = batch.req_id_to_index.get(request_id)
        if index is None:
            return None
        ends = runner.query_start_loc.np
        positions = int(batch.num_computed_tokens_cpu[index] + ends[index + 1] - ends[index])
        if positions < runner.requests[request_id].num_tokens:
            return None
        return Row(index, int(ends[index + 1]) - 1, positions)

    def batch_size(self) -> int:
        """Requests in the running step."""
        return int(self._runner.input_batch.num_reqs)

    def token_ids(self, row: int, positions: int) -> np.ndarray:
        """Prompt and output tokens as the batch holds them on the host."""
        ids: np.ndarray = self._runner.input_batch.token_ids_cpu[row, :positions]
        return ids

    def emitted(self, output: Any, row: int) -> int | None:
        """The sampled token; unknown on the host under asynchronous scheduling."""
        sampled = getattr(output, "sampled_token_ids", None)
        if not isinstance(sampled, list) or row >= len(sampled) or not len(sampled[row]):
            return None
        return int(sampled[row][0])

    def rehearse(self, extra_args: dict[str, Any]) -> None:
        """One prefill across a block boundary, on blocks that no request holds yet."""
        runner = self._runner
        groups = runner.kv_cache_config.kv_cache_groups
        limit = min(runner.max_model_len - 1, runner.max_num_tokens)
        length = min(groups[0].kv_cache_spec.block_size + 5, limit)
        blocks = tuple(
            list(range(1, 2 + length // group.kv_cache_spec.block_size)) for group in groups
        )
        prompt = [number % runner.model_config.get_vocab_size() for number in range(length)]
        try:
            runner.execute_model(dummy_request(prompt, blocks, extra_args))
            runner.sample_tokens(None)
        finally:
            runner.execute_model_state = None
            runner.execute_model(dummy_end())


def _is_decoder_attention(module: Any) -> bool:
    impl = getattr(module, "impl", None)
    kind = getattr(module, "attn_type", getattr(impl, "attn_type", None))
    return impl is not None and kind == "decoder" and hasattr(module, "num_kv_heads")


def _layer(name: str, index: int, module: Any, dtype: torch.dtype) -> Layer:
    impl = module.impl
    window = getattr(module, "sliding_window", None)
    sinks = getattr(impl, "sinks", None)
    return Layer(
        name=name,
        index=index,
        module=module,
        heads=module.num_heads,
        kv_heads=module.num_kv_heads,
        size=module.head_size,
        dtype=dtype,
        scoring=Scoring(
            scale=float(impl.scale),
            soft_cap=float(getattr(impl, "logits_soft_cap", 0) or 0),
            window=int(window) if window else None,
            slopes=getattr(impl, "alibi_slopes", None),
            sinks=sinks,
        ),
    )
