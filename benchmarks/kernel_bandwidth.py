"""How fast the GPU kernel reads keys, as a share of a copy on the same device in the same run.

Summaries of 4 layers with 8 key heads of 128 bfloat16 and 32 query heads, in 16 segments, for 1, 4
and 16 requests of 1 k to 128 k tokens. Counted are the bytes of the keys, each once, over the time
of both kernels; a copy's bytes count twice, once read and once written. Launches are replayed from
a graph and read other blocks in turn, so that no cache helps. Keys lie beside values, as in vLLM's
cache. Without a CUDA GPU nothing is measured and the exit status is 77. ``--sweep`` tries other
tunings instead of keeping figures.
"""

import itertools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from benchmarks.report import Figure, Paired, Report, paired, parser
from sidecar.tap.summary.flight import Flight, PagedRequest
from sidecar.tap.summary.naive import Scoring
from sidecar.tap.summary.paged_keys import PagedKeys
from sidecar.tap.summary.triton_paged import PagedSummary
from sidecar.tap.summary.tuning import Tuning

LAYERS, HEADS, KEY_HEADS, SIZE, BLOCK_SIZE, SEGMENTS = 4, 32, 8, 128, 16, 16
CONTEXTS = (1024, 8192, 32768, 131072)
REQUESTS = (1, 4, 16)
SWEPT = ((1, 8192), (4, 32768))
"""Requests and context."""
KEY_BYTES = LAYERS * KEY_HEADS * SIZE * 2
"""Of a token."""
READ_BYTES = 2**30
"""Of the keys of all launches in a graph, several times what a GPU caches."""
COPY_BYTES = 2**31
ROUNDS = 12
GOAL, GOAL_FROM = 80.0, 8192
SKIPPED = 77
DEVICE = "cuda"

Measure = Callable[[], float]


class Cache:
    """Random keys and values of all layers, in half of the free memory."""

    def __init__(self) -> None:
        free, _ = torch.cuda.mem_get_info()
        self.blocks = free // 2 // (2 * KEY_BYTES * BLOCK_SIZE)
        shape = self.blocks, BLOCK_SIZE, KEY_HEADS, 2 * SIZE
        caches = [torch.empty(shape, dtype=torch.bfloat16, device=DEVICE) for _ in range(LAYERS)]
        self.layers = [cache.normal_()[..., :SIZE] for cache in caches]

    def block_table(self, rows: int, context: int) -> torch.Tensor | None:
        """Rows of blocks in random order, as many as there are for; None if not even one."""
        width = context // BLOCK_SIZE
        rows = min(rows, self.blocks // width)
        order = torch.randperm(self.blocks, device=DEVICE, dtype=torch.int32)
        return order[: rows * width].reshape(rows, width) if rows else None


def reading(cache: Cache, requests: int, context: int, tuning: Tuning) -> Measure | None:
    """Bytes of keys a second, replaying launches; None where the cache holds too few requests."""
    launches = max(READ_BYTES // (KEY_BYTES * context * requests), 2)
    table = cache.block_table(launches * requests, context)
    if table is None or len(table) < requests:
        return None
    summary = PagedSummary(
        PagedKeys(cache.layers, table),
        [Scoring(scale=SIZE**-0.5)] * LAYERS,
        HEADS,
        max_requests=requests,
        max_segments=SEGMENTS,
        tuning=tuning,
    )
    query = torch.randn(LAYERS, requests, HEADS, SIZE, dtype=torch.bfloat16, device=DEVICE)
    summary.warm_up(query)
    boarded = list(itertools.islice(boardings(len(table), requests, context), launches))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for flight in boarded:
            summary.reduce(query, flight.requests, flight.segments)
    return lambda: launches * requests * context * KEY_BYTES / seconds(graph.replay)


def boardings(rows: int, requests: int, context: int) -> Iterator[Flight]:
    """Requests of launch after launch on the device, over all rows of the block table in turn."""
    starts = np.arange(SEGMENTS) * (context // SEGMENTS)
    row = itertools.cycle(range(rows))
    while True:
        flight = Flight(requests, SEGMENTS, LAYERS * HEADS, pinned=False)
        flight.board([PagedRequest(n, next(row), context, starts) for n in range(requests)])
        flight.requests = flight.requests.to(DEVICE)
        yield flight


def copying() -> Measure:
    """Bytes a second that a copy on the device reads and writes."""
    source = torch.empty(COPY_BYTES, dtype=torch.uint8, device=DEVICE).random_()
    target = torch.empty_like(source)
    return lambda: 2 * COPY_BYTES / seconds(lambda: target.copy_(source))


def seconds(work: Callable[[], object]) -> float:
    """How long the device works."""
    event: Any = torch.cuda.Event
    begin, end = event(enable_timing=True), event(enable_timing=True)
    begin.record()
    work()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end)) / 1000


def measured(copy: Measure, read: Measure) -> Paired:
    """The kernel's speed beside the copy's, both warm."""
    copy(), read()
    return paired(copy, read, rounds=ROUNDS)


def figures(cache: Cache, copy: Measure) -> dict[str, Figure]:
    """The share for each number of requests and context; NaN where the memory is too small."""
    found = {}
    for requests, context in itertools.product(REQUESTS, CONTEXTS):
        name = f"{requests}_requests_{context // 1024}k"
        goal = GOAL if context >= GOAL_FROM else None
        read = reading(cache, requests, context, Tuning())
        if read is None:
            found[f"share_of_copy_pct_{name}"] = Figure(
                float("nan"), "%", goal=goal, better="higher"
            )
            continue
        pair = measured(copy, read)
        low, high = pair.spread
        found[f"share_of_copy_pct_{name}"] = Figure(
            100 * pair.ratio, "%", goal=goal, better="higher", spread=(100 * low, 100 * high)
        )
        found[f"gb_per_s_{name}"] = Figure(
            pair.second / 1e9, "GB/s", baseline=pair.first / 1e9, better="higher"
        )
    return found


def sweep(cache: Cache, copy: Measure) -> None:
    """Print the share of many tunings, the best last."""
    from triton.runtime.errors import OutOfResources

    found = []
    choices = itertools.product((32, 64, 128), (8, 16), (4, 8), (3, 5), (8, 16, 32))
    processors = torch.cuda.get_device_properties(0).multi_processor_count
    for tile, lanes, warps, stages, waves in choices:
        tuning = Tuning(tile, lanes, warps, stages, waves * processors)
        try:
            reads = [reading(cache, requests, context, tuning) for requests, context in SWEPT]
        except OutOfResources as error:
            print(f"{tuning}: {error}", file=sys.stderr)
            continue
        found.append(([measured(copy, read).ratio for read in reads if read], tuning))
    for shares, tuning in sorted(found, key=lambda one: min(one[0], default=0.0)):
        print([f"{100 * share:.1f} %" for share in shares], tuning)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--sweep", action="store_true", help="try other tunings")
    given = options.parse_args()
    if not torch.cuda.is_available():
        print("kernel_bandwidth: not measured, it needs a CUDA GPU", file=sys.stderr)
        sys.exit(SKIPPED)
    cache, copy = Cache(), copying()
    if given.sweep:
        sweep(cache, copy)
    else:
        Report("kernel_bandwidth", figures(cache, copy)).finish(given.json)


if __name__ == "__main__":
    main()
