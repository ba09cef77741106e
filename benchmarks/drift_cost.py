"""What the monitor costs: time for each request, in batches of 1,000, and state of a stream."""

import json
import time

import numpy as np

from benchmarks.drift_streams import STREAM, parts, reference
from benchmarks.report import Figure, Report
from sidecar.drift import Monitor

REQUESTS = 20_000
ROUNDS = 5
BATCH = 1000


def seconds(monitor: Monitor, seed: int) -> float:
    """To watch `REQUESTS` of a stream."""
    (made,) = parts("iid", seed, REQUESTS)
    batches = [made.take(slice(first, first + BATCH)) for first in range(0, REQUESTS, BATCH)]
    start = time.perf_counter()
    for batch in batches:
        monitor.update(STREAM, batch)
    return time.perf_counter() - start


def main() -> None:
    """Run and report."""
    monitor = Monitor(reference("iid", 0))
    costs = [seconds(monitor, seed) / REQUESTS * 1e6 for seed in range(ROUNDS)]
    low, middle, high = np.quantile(costs, [0.25, 0.5, 0.75]).tolist()
    size = len(json.dumps(monitor.state()["streams"]))
    figures = {
        "us_per_request": Figure(middle, "us", goal=1.0, spread=(low, high)),
        "bytes_per_stream": Figure(size, "bytes of state", goal=4096.0),
    }
    Report("drift_cost", figures).finish()


if __name__ == "__main__":
    main()
