"""What vLLM's two runners have in common."""

from abc import ABC, abstractmethod
from typing import Any

import torch

from sidecar.tap.engines.base import (
    Announcement,
    Emission,
    Incoming,
    Layer,
    PagedLayer,
    Unsupported,
)
from sidecar.tap.engines.emission import emission
from sidecar.tap.engines.gpu_cache import paged_layer
from sidecar.tap.engines.rehearsal import dummy_decode, dummy_end, dummy_request
from sidecar.tap.summary.naive import Scoring

_NEEDED = ("execute_model", "sample_tokens", "initialize_kv_cache", "execute_model_state")


class VllmRunner(ABC):
    """Reads a runner's host-side state; nothing here waits for a device."""

    def __init__(self, runner: Any, needed: tuple[str, ...]) -> None:
        """``needed`` are the generation's own attributes, dotted. Raises Unsupported."""
        missing = [name for name in (*_NEEDED, *needed) if not _has(runner, name)]
        if missing:
            raise Unsupported(f"{type(runner).__name__} lacks {', '.join(missing)}")
        if getattr(runner, "speculative_config", None):
            raise Unsupported("speculative decoding: a step emits more than one token")
        parallel = runner.vllm_config.parallel_config
        if (ranks := parallel.world_size) > 1:
            raise Unsupported(f"{ranks} ranks: tensor and pipeline parallelism were never tried")
        if getattr(parallel, "use_ubatching", False):
            raise Unsupported("a step in several micro-batches: its rows are not where they seem")
        self._runner = runner
        self.paged = runner.device.type == "cuda"

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

    def group(self, layer: Layer) -> int:
        """The layer's cache group."""
        for number, group in enumerate(self._runner.kv_cache_config.kv_cache_groups):
            if layer.name in group.layer_names:
                return number
        raise Unsupported(f"layer {layer.name!r} is in no cache group")

    def paged_layer(self, layer: Layer) -> PagedLayer:
        """The layer's keys on the GPU."""
        return paged_layer(layer, self.group(layer), self._block_size(self.group(layer)))

    def announcement(self, scheduler_output: Any) -> Announcement:
        """New requests carry their prompt; later steps do not repeat it."""
        incoming = [
            Incoming(
                new.req_id,
                new.prompt_token_ids,
                new.sampling_params.extra_args if new.sampling_params else None,
            )
            for new in scheduler_output.scheduled_new_reqs
            if not _resumed(new)
        ]
        return Announcement(incoming, scheduler_output.finished_req_ids)

    def emission(self, output: Any) -> Emission:
        """The step's tokens, perhaps on their way."""
        return emission(output)

    def rehearse(self, extra_args: dict[str, Any]) -> int:
        """A prefill across a block boundary, on blocks that no request holds yet, and a decode."""
        runner = self._runner
        groups = runner.kv_cache_config.kv_cache_groups
        limit = min(runner.max_model_len - 1, runner.max_num_tokens)
        length = min(groups[0].kv_cache_spec.block_size + 5, limit)
        blocks = tuple(
            list(range(1, 2 + length // group.kv_cache_spec.block_size)) for group in groups
        )
        prompt = [number % runner.model_config.get_vocab_size() for number in range(length)]
        steps = [dummy_request(prompt, blocks, extra_args)]
        if self.paged:
            steps.append(dummy_decode(length))
        try:
            for step in steps:
                runner.execute_model(step)
                runner.sample_tokens(None)
        finally:
            runner.execute_model_state = None
            runner.execute_model(dummy_end())
        return len(steps)

    @abstractmethod
    def _block_size(self, group: int) -> int:
        """Positions of a block in the group's block table."""


def _has(target: Any, path: str) -> bool:
    """Whether a dotted attribute is there."""
    for name in path.split("."):
        if not hasattr(target, name):
            return False
        target = getattr(target, name)
    return True


def _resumed(new: Any) -> bool:
    """A preempted request that the V2 runner is told of as if it were new."""
    known = getattr(new, "prefill_token_ids", None)
    return known is not None and len(known) > len(new.prompt_token_ids or known)


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
