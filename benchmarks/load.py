"""Retrieval requests that an engine inside this process answers, the same ones again and again."""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, NamedTuple

import numpy as np

from sidecar.demo.prompts import system_prompt
from sidecar.demo.world import World
from sidecar.tap.attention_field import AttentionRequest, Document
from sidecar.tap.request import XARG, encode
from sidecar.tap.sampling import position

DOCUMENTS = 10
"""Retrieved documents of a request, some 280 prompt tokens in all."""


class Ask(NamedTuple):
    """One request."""

    prompt: list[int]
    tokens: int
    """Tokens to generate, whatever they are."""
    extra_args: dict[str, str]


@dataclass(frozen=True)
class Block:
    """What one run of all requests took."""

    seconds: float
    cpu_seconds: float
    """Of all threads of this process; what other programs do to the clock does not count."""
    tokens: int
    gaps: np.ndarray
    """Seconds between consecutive tokens of each request, all requests pooled."""

    @property
    def throughput(self) -> float:
        """Output tokens a second, prefill included."""
        return self.tokens / self.seconds

    def gap_ms(self, percentile: float) -> float:
        """A percentile of the inter-token latency."""
        return 1000 * float(np.percentile(self.gaps, percentile))


def asks(tokenizer: Any, lengths: Sequence[int], documents: int = DOCUMENTS) -> list[Ask]:
    """One request for each number of output tokens; documents are named by their text."""
    world = World("benchmark")
    return [_ask(tokenizer, world, length, documents) for length in lengths]


def _ask(tokenizer: Any, world: World, length: int, documents: int) -> Ask:
    case = world.case(documents=documents)
    messages = [
        {"role": "system", "content": system_prompt([one.text for one in case.documents])},
        {"role": "user", "content": case.question},
    ]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
    named = [Document(id=one.id, text=one.text) for one in case.documents]
    request = AttentionRequest(documents=named, tags={"route": case.route})
    return Ask(list(prompt["input_ids"]), length, {XARG: encode(request)})


def request_ids(number: int, rate: float, prefix: str) -> list[str]:
    """Ids of which the sampler takes the share ``rate``, exactly and evenly spread.

    At rate 0 or 1 it takes none or all, whatever the ids. Raises ValueError where the share of
    ``number`` is not whole.
    """
    taken = round(number * rate)
    if not math.isclose(taken, number * rate):
        raise ValueError(f"number: {rate:g} of it should be whole, got {number}")
    names = (f"{prefix}.{serial}" for serial in count())
    wanted = [(turn + 1) * taken // number > turn * taken // number for turn in range(number)]
    return [next(name for name in names if (position(name) < rate) == take) for take in wanted]


def run(engine: Any, requests: Sequence[Ask], ids: Sequence[str], users: int) -> Block:
    """Serve all requests, ``users`` at a time: a new one begins as soon as one has ended.

    ``engine`` is vLLM's ``LLMEngine``, stepped here. Its prefix cache is emptied first.
    """
    engine.reset_prefix_cache()
    waiting = iter(zip(requests, ids, strict=True))
    clock = _Clock()
    begin, cpu = time.perf_counter(), time.process_time()
    _add(engine, islice(waiting, users))
    while engine.has_unfinished_requests():
        _add(engine, islice(waiting, clock.note(engine.step(), time.perf_counter())))
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    return Block(seconds, cpu, clock.tokens, np.array(clock.gaps))


def _add(engine: Any, requests: Iterable[tuple[Ask, str]]) -> None:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    for request, name in requests:
        params = SamplingParams(
            temperature=0,
            max_tokens=request.tokens,
            ignore_eos=True,
            detokenize=False,
            extra_args=request.extra_args,
            output_kind=RequestOutputKind.DELTA,
        )
        engine.add_request(name, {"prompt_token_ids": request.prompt}, params)


class _Clock:
    """Notes when each request got its tokens."""

    def __init__(self) -> None:
        self.tokens = 0
        self.gaps: list[float] = []
        self._last: dict[str, float] = {}

    def note(self, outputs: Sequence[Any], now: float) -> int:
        """Take the outputs of a step that ended now; returns how many requests ended with it."""
        for output in outputs:
            self.tokens += len(output.outputs[0].token_ids)
            if output.request_id in self._last:
                self.gaps.append(now - self._last[output.request_id])
            self._last[output.request_id] = now
        return sum(output.finished for output in outputs)
