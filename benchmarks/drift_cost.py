"""What the monitor costs: time for each request with all six signals, and memory of a stream."""

import json
import time
from datetime import UTC, datetime

import numpy as np

from benchmarks.drift_streams import MARGIN, STREAM
from benchmarks.drift_traffic import requests, signal
from benchmarks.report import Figure, Report, parser
from sidecar.drift import Baseline, Monitor, Requests
from sidecar.drift.baseline import fit
from sidecar.drift.requests import WATCHED

REQUESTS = 100_000
ROUNDS = 7
BATCHES = (1000, 100)


def measured(seed: int) -> Requests:
    """Requests with every signal measured."""
    rng = np.random.default_rng(seed)
    made = requests(signal("iid", REQUESTS, rng), "iid", seed=seed)
    for place in range(len(WATCHED)):
        made.signals[:, place] = signal("iid", REQUESTS, rng)
    return made


def baseline(made: Requests) -> Baseline:
    """Of all six signals."""
    fitted = tuple(fit(STREAM, made, name, MARGIN) for name in WATCHED)
    return Baseline(created=datetime.now(UTC), where="true", margin=MARGIN, signals=fitted)


def seconds(monitor: Monitor, made: Requests, batch: int) -> float:
    """Of the processor, to watch all requests."""
    batches = [made.take(slice(first, first + batch)) for first in range(0, REQUESTS, batch)]
    start = time.process_time()
    for one in batches:
        monitor.update(STREAM, one)
    return time.process_time() - start


def main() -> None:
    """Run and report."""
    file = parser(__doc__).parse_args().json
    frozen = baseline(measured(0))
    figures = {}
    for batch in BATCHES:
        costs = [
            seconds(Monitor(frozen), measured(seed), batch) / REQUESTS * 1e6
            for seed in range(1, ROUNDS + 1)
        ]
        low, middle, high = np.quantile(costs, [0.25, 0.5, 0.75]).tolist()
        name = "us_per_request" if batch == BATCHES[0] else f"us_per_request_in_batches_of_{batch}"
        goal = 1.0 if batch == BATCHES[0] else None
        figures[name] = Figure(middle, "us", goal=goal, spread=(low, high))
    monitor = Monitor(frozen)
    monitor.update(STREAM, measured(1).take(slice(0, 1004)))
    size = len(json.dumps(monitor.state()["streams"][0]))
    figures["bytes_per_stream"] = Figure(size, "bytes of JSON", goal=4096.0)
    Report("drift_cost", figures).finish(file)


if __name__ == "__main__":
    main()
