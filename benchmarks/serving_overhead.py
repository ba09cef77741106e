"""What the tap costs serving: throughput and inter-token latency beside the same engine without it.

One engine serves the same requests in short blocks: without the tap (hooks and sender removed, the
daemon stopped) and at three rates, in an order that rotates. What a rate costs is its block against
the block without a tap of the same round, seconds away. A real daemon with default settings takes
the samples. Plain figures are of a random model of hidden size 1,024 and 8 layers, where the model
is the cost; figures ending in ``_demo`` are of the demo's model, where Python is.
"""

import math
import multiprocessing
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks import load
from benchmarks.load import Block
from benchmarks.report import Figure, Report, parser
from benchmarks.tapped_engine import TappedEngine, tapped
from sidecar.demo.recipes import RECIPES

RATES = {"off": math.nan, "0": 0.0, "10": 0.1, "100": 1.0}
"""By the name that figures use."""
REQUESTS, QUICK_REQUESTS, USERS, ROUNDS = 20, 10, 8, 12
LENGTHS = tuple(48 + 8 * (number % 5) for number in range(REQUESTS))
"""Output tokens of each request; they differ, so that requests do not march in step."""
DEMO = RECIPES["grounded"].folder
GOALS = {"throughput_lost_pct_rate_0": 1.0, "throughput_lost_pct_rate_10": 3.0}

COUNTS = {"samples", "sampled"}
"""What `snapshot` has beside seconds."""

Blocks = dict[str, list[Block]]
"""By configuration, one block for each round."""


def order(turn: int) -> list[str]:
    """The configurations as a round runs them; each takes every place in turn, both ways round."""
    names = list(RATES)
    shifted = names[turn % len(names) :] + names[: turn % len(names)]
    return shifted if turn // len(names) % 2 == 0 else shifted[::-1]


def measure(model: Path, quick: bool) -> dict[str, Figure]:
    """All figures of one model; to be called once in a process."""
    from transformers import AutoTokenizer

    lengths = LENGTHS[:QUICK_REQUESTS] if quick else LENGTHS
    rounds = 2 if quick else ROUNDS
    requests = load.asks(AutoTokenizer.from_pretrained(model), lengths)
    with tapped(model, enforce_eager=quick) as engine:
        for name in RATES:
            run(engine, name, requests, "warm-up")
        blocks: Blocks = defaultdict(list)
        costs: dict[str, list[dict[str, float]]] = defaultdict(list)
        for turn in range(rounds):
            for name in order(turn):
                block, cost = run(engine, name, requests, f"round-{turn}-{name}")
                blocks[name].append(block)
                costs[name].append(cost)
                print(f"{turn:2} {name:>3}: {block.throughput:.0f} tokens/s", file=sys.stderr)
    return (
        figures(blocks)
        | share_figures(blocks, costs)
        | sampled_figures(costs, len(requests))
        | stage_figures(costs["100"])
    )


def run(
    engine: TappedEngine, name: str, requests: list[load.Ask], prefix: str
) -> tuple[Block, dict[str, float]]:
    """One block, and by how much it moved the tap's totals, as in `snapshot`."""
    if name == "off":
        engine.remove()
    else:
        engine.sample(rate=RATES[name])
    before = snapshot(engine.tap)
    rate = 0.1 if name == "10" else 1.0
    ids = load.request_ids(len(requests), rate, prefix)
    block = load.run(engine.core, requests, ids, USERS)
    engine.rest()
    after = snapshot(engine.tap)
    return block, {key: after[key] - before.get(key, 0.0) for key in after}


def snapshot(tap: Any) -> dict[str, float]:
    """Seconds by stage, samples and sampled requests so far.

    Raises RuntimeError where the tap lost something.
    """
    lost = +tap.dropped + tap.guard.errors
    if lost or tap.blind:
        raise RuntimeError(f"the tap lost samples {dict(lost)} {tap.blind}")
    return {**tap.guard.seconds, "samples": tap.samples, "sampled": tap.requests.sampled}


def figures(blocks: Blocks) -> dict[str, Figure]:
    """Throughput and latency, each against the block without a tap of the same round."""
    found = {}
    off = blocks["off"]
    for name in ("0", "10", "100"):
        pairs = list(zip(off, blocks[name], strict=True))
        lost = [100 * (1 - on.throughput / base.throughput) for base, on in pairs]
        key = f"throughput_lost_pct_rate_{name}"
        found[key] = spread(lost, "%", goal=GOALS.get(key))
        cpu = [100 * (on.cpu_seconds / base.cpu_seconds - 1) for base, on in pairs]
        found[f"cpu_added_pct_rate_{name}"] = spread(cpu, "%")
        for percentile in (50, 99):
            added = [100 * (on.gap_ms(percentile) / b.gap_ms(percentile) - 1) for b, on in pairs]
            found[f"itl_p{percentile}_added_pct_rate_{name}"] = spread(added, "%")
    found["tokens_per_s_off"] = spread([block.throughput for block in off], "1/s", better="higher")
    for percentile in (50, 99):
        gaps = [block.gap_ms(percentile) for block in off]
        found[f"itl_p{percentile}_ms_off"] = spread(gaps, "ms")
    return found


def share_figures(blocks: Blocks, costs: dict[str, list[dict[str, float]]]) -> dict[str, Figure]:
    """The tap's own seconds in the engine's thread, of a block's: what noise does not hide."""
    found = {}
    for name in ("0", "10", "100"):
        pairs = zip(costs[name], blocks[name], strict=True)
        shares = [100 * tap_seconds(cost) / block.seconds for cost, block in pairs]
        found[f"tap_share_pct_rate_{name}"] = spread(shares, "%")
    return found


def tap_seconds(cost: dict[str, float]) -> float:
    """Seconds of all stages."""
    return sum(value for stage, value in cost.items() if stage not in COUNTS)


def sampled_figures(costs: dict[str, list[dict[str, float]]], requests: int) -> dict[str, Figure]:
    """What was really sampled, of this many ``requests`` in a block."""
    found = {}
    for name in ("0", "10", "100"):
        sampled = sum(cost["sampled"] for cost in costs[name])
        share = 100 * sampled / (len(costs[name]) * requests)
        found[f"requests_sampled_pct_rate_{name}"] = Figure(share, "%")
        samples = sum(cost["samples"] for cost in costs[name]) / len(costs[name])
        found[f"samples_per_block_rate_{name}"] = Figure(samples, "")
    return found


def stage_figures(costs: list[dict[str, float]]) -> dict[str, Figure]:
    """Milliseconds of the engine's thread for each sample, by the tap's stages, at 100 %."""
    stages = sorted({stage for cost in costs for stage in cost} - COUNTS)
    per_sample = {
        stage: [1000 * cost.get(stage, 0.0) / cost["samples"] for cost in costs] for stage in stages
    }
    total = [sum(values) for values in zip(*per_sample.values(), strict=True)]
    found = {f"tap_ms_per_sample_{stage}": spread(v, "ms") for stage, v in per_sample.items()}
    return {"tap_ms_per_sample": spread(total, "ms")} | found


def spread(values: list[float], unit: str, **more: Any) -> Figure:
    """The median with its quartiles."""
    low, _, high = quantiles(values, n=4, method="inclusive")
    return Figure(median(values), unit, spread=(low, high), **more)


def in_a_process(
    measure: Callable[[Path, bool], dict[str, Figure]], model: Path, quick: bool
) -> dict[str, Figure]:
    """Measure in a fresh process, because an engine cannot be ended inside one."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(measure, model, quick).result()


def wide(folder: Path) -> Path:
    """Write the wide random model."""
    from sidecar.demo import model

    model.main(["--hidden", "1024", "--layers", "8", "--out", str(folder)], standalone_mode=False)
    return folder


def report(
    name: str, measure: Callable[[Path, bool], dict[str, Figure]], description: str | None
) -> None:
    """Measure both models, or with ``--quick`` a little of the demo's, and report."""
    options = parser(description)
    options.add_argument(
        "--quick", action="store_true", help="the demo's model alone, not compiled"
    )
    given = options.parse_args()
    quick = given.quick
    found = in_a_process(measure, DEMO, quick)
    found = {f"{figure}_demo": value for figure, value in found.items()}
    if not quick:
        with tempfile.TemporaryDirectory() as folder:
            found = in_a_process(measure, wide(Path(folder)), quick) | found
    Report(name, found).finish(given.json)


if __name__ == "__main__":
    report("serving_overhead", measure, __doc__)
