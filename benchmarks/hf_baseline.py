"""What attention costs by Hugging Face generation with `output_attentions=True`, and by the tap.

The same prompts, weights and threads, in one process and in turn: vLLM with the tap at 100 % of the
requests, and `generate` of transformers, greedy and in one batch.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import load, serving_overhead
from benchmarks.report import Figure
from benchmarks.serving_overhead import report, snapshot, spread
from benchmarks.tapped_engine import TappedEngine, tapped

REQUESTS, TOKENS, ROUNDS = 8, 48, 6
STRIDE = 16
"""The default."""

Costs = dict[str, list[float]]
"""Seconds a generated token by what was run, one for each round."""


def measure(model: Path, quick: bool) -> dict[str, Figure]:
    """All figures of one model; to be called once in a process."""
    from transformers import AutoTokenizer

    requests = load.asks(AutoTokenizer.from_pretrained(model), [TOKENS] * REQUESTS)
    with tapped(model, enforce_eager=quick) as engine:
        ways = hugging_face(model, requests) | {
            "tap_all": lambda: tap_seconds(engine, requests, 1, "all"),
            "tap_default": lambda: tap_seconds(engine, requests, STRIDE, "auto"),
        }
        for way in ways.values():
            way()
        costs: Costs = defaultdict(list)
        for turn in range(2 if quick else ROUNDS):
            for name in sorted(ways, reverse=bool(turn % 2)):
                costs[name].append(ways[name]())
    return figures(costs)


def tap_seconds(engine: TappedEngine, requests: list[load.Ask], stride: int, layers: str) -> float:
    """Seconds a token of all the tap's stages, and of the processor in threads beside the engine's.

    Raises RuntimeError when not every due step of every request was sampled.
    """
    engine.sample(rate=1.0, stride=stride, layers=layers)
    before = snapshot(engine.tap)
    process, thread = time.process_time(), time.thread_time()
    ids = [f"{time.monotonic_ns()}-{number}" for number in range(len(requests))]
    block = load.run(engine.core, requests, ids, REQUESTS)
    engine.drain()
    beside = (time.process_time() - process) - (time.thread_time() - thread)
    engine.rest()
    after = snapshot(engine.tap)
    cost = {key: after[key] - before.get(key, 0.0) for key in after}
    due = len(requests) * -(-TOKENS // stride)
    if cost["samples"] != due:
        raise RuntimeError(f"the tap should have made {due} samples")
    return (serving_overhead.tap_seconds(cost) + beside) / block.tokens


def hugging_face(model: Path, requests: list[load.Ask]) -> dict[str, Callable[[], float]]:
    """Generation with attention, and without: by the same code, and by the default, faster one."""
    import torch
    from transformers import AutoModelForCausalLM

    def network(attention: str) -> Any:
        return AutoModelForCausalLM.from_pretrained(
            model, dtype=torch.bfloat16, attn_implementation=attention
        ).eval()

    longest = max(len(request.prompt) for request in requests)
    padding = [longest - len(request.prompt) for request in requests]
    tokens = torch.tensor(
        [[0] * pad + one.prompt for pad, one in zip(padding, requests, strict=True)]
    )
    mask = torch.tensor([[0] * pad + [1] * (longest - pad) for pad in padding])
    slow, fast = network("eager"), network("sdpa")

    def seconds(network: Any, wanted: bool) -> float:
        begin = time.perf_counter()
        with torch.inference_mode():
            network.generate(
                tokens,
                attention_mask=mask,
                do_sample=False,
                min_new_tokens=TOKENS,
                max_new_tokens=TOKENS,
                output_attentions=wanted,
                return_dict_in_generate=True,
            )
        return (time.perf_counter() - begin) / (TOKENS * len(requests))

    return {
        "hf": lambda: seconds(slow, True),
        "hf_eager": lambda: seconds(slow, False),
        "hf_sdpa": lambda: seconds(fast, False),
    }


def figures(costs: Costs) -> dict[str, Figure]:
    """Ratios within each round, and the seconds they are made of."""
    numerators = {
        "cost": less(costs["hf"], costs["hf_eager"]),
        "cost_over_sdpa": less(costs["hf"], costs["hf_sdpa"]),
        "total": costs["hf"],
    }
    found = {}
    for name, seconds in numerators.items():
        goal = 50.0 if name == "cost" else None
        found[f"{name}_ratio"] = ratio(seconds, costs["tap_all"], goal)
        found[f"{name}_ratio_default"] = ratio(seconds, costs["tap_default"])
    return found | {
        f"{name}_us_per_token": spread([1e6 * value for value in values], "us")
        for name, values in costs.items()
    }


def less(first: list[float], second: list[float]) -> list[float]:
    """What ``first`` took more, by rounds."""
    return [a - b for a, b in zip(first, second, strict=True)]


def ratio(first: list[float], second: list[float], goal: float | None = None) -> Figure:
    """How many times ``second`` goes into ``first``, by rounds."""
    values = [a / b for a, b in zip(first, second, strict=True)]
    return spread(values, "x", goal=goal, better="higher")


if __name__ == "__main__":
    report("hf_baseline", measure, __doc__)
