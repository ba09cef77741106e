"""A real vLLM engine inside the test's process, so that a test can reach the tap."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidecar.config import Sampling
from sidecar.tap.attention_field import AttentionRequest
from sidecar.tap.records import Sample
from sidecar.tap.request import XARG, encode

os.environ.update(
    VLLM_ENABLE_V1_MULTIPROCESSING="0",
    VLLM_CPU_KVCACHE_SPACE="1",
    VLLM_CPU_OMP_THREADS_BIND="nobind",
    VLLM_LOGGING_LEVEL="WARNING",
    HF_HUB_OFFLINE="1",
)

_ALIVE: list[Any] = []
"""The end of one engine would take down the process groups that the others share."""


@dataclass
class LocalEngine:
    """An engine whose samples end in a list instead of on the wire."""

    llm: Any
    samples: list[Sample] = field(default_factory=list)

    @property
    def runner(self) -> Any:
        executor = self.llm.llm_engine.engine_core.engine_core.model_executor
        return executor.driver_worker.worker.model_runner

    @property
    def tap(self) -> Any:
        return self.runner.attention_sidecar.tap

    def tap_settled(self) -> None:
        """Samples of a GPU's last steps are here; an engine without a tap has none."""
        if hooks := getattr(self.runner, "attention_sidecar", None):
            hooks.tap.settle()

    def listen(self, **sampling: Any) -> None:
        """Forget the samples so far and sample as told, by default every step of every request."""
        self.samples.clear()
        self.tap._deliver = self.samples.append
        every = {"rate": 1.0, "stride": 1, "budget_ms_per_s": 0.0, "layers": "all"}
        self.tap.apply(Sampling(**every | sampling))

    def generate(
        self,
        prompts: list[list[int]],
        tokens: int | list[int] = 8,
        request: AttentionRequest | None = None,
    ) -> list[list[int]]:
        """Greedy output tokens of concurrent requests."""
        from vllm import SamplingParams

        lengths = tokens if isinstance(tokens, list) else [tokens] * len(prompts)
        extra = {XARG: encode(request)} if request else None
        params = [
            SamplingParams(temperature=0, max_tokens=length, ignore_eos=True, extra_args=extra)
            for length in lengths
        ]
        inputs = [{"prompt_token_ids": prompt} for prompt in prompts]
        outputs = self.llm.generate(inputs, params, use_tqdm=False)
        self.tap_settled()
        return [list(output.outputs[0].token_ids) for output in outputs]


def bare(model: Path, **options: Any) -> Any:
    """vLLM itself; ``options`` go to it."""
    from vllm import LLM

    from sidecar.tap.plugin import register

    register()  # vLLM does where the package is installed, and twice is once
    defaults = {
        "enforce_eager": True,
        "max_model_len": 1024,
        "dtype": "float32",
        "num_gpu_blocks_override": 20,
    }
    llm = LLM(str(model), **defaults | options)
    _ALIVE.append(llm)
    return llm


def start(model: Path, **options: Any) -> LocalEngine:
    """An engine that samples every step of every request."""
    engine = LocalEngine(bare(model, **options))
    engine.listen()
    return engine
