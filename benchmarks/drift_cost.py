"""What drift costs: time for each request with all six signals, and memory of a stream."""

import json
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.drift_streams import MARGIN, STREAM
from benchmarks.drift_traffic import requests, signal
from benchmarks.report import Figure, Report, parser
from sidecar import config
from sidecar.daemon.sinks.drift import DriftSink
from sidecar.drift import WATCHED, Baseline, Monitor, Requests
from sidecar.drift.baseline import fit
from tests.daemon.drift.kit import SOON, batch

REQUESTS = 100_000
ROUNDS = 7
STREAMS = 100
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


def parts(made: Requests, size: int) -> list[Requests]:
    """All requests, some at a time."""
    return [made.take(slice(first, first + size)) for first in range(0, REQUESTS, size)]


def monitor_seconds(frozen: Baseline, made: Requests, size: int) -> float:
    """Of the processor, to watch all requests."""
    monitor, batches = Monitor(frozen), parts(made, size)
    start = time.process_time()
    for one in batches:
        monitor.update(STREAM, one)
    return time.process_time() - start


def sink_seconds(frozen: Baseline, made: Requests) -> float:
    """Of the processor, for all that the daemon does for drift, with one sample a request."""
    with TemporaryDirectory() as folder:
        sink = started(Path(folder), frozen)
        total = 0.0
        for part in parts(made, BATCHES[0]):
            taken = batch(part, STREAM, **{name: part.signal(name).tolist() for name in WATCHED})
            start = time.process_time()
            sink.write(taken)
            sink.tick(time.time())
            total += time.process_time() - start
        sink.stop(time.monotonic() + 10)
    return total


def started(folder: Path, frozen: Baseline) -> DriftSink:
    """A sink that takes a request for over when it looks again."""
    file = folder / "baseline.json"
    frozen.save(file)
    settings = config.Drift(baseline=[file], state_path=folder / "state", **SOON)
    sink = DriftSink(settings, config.Metrics(), config.Archive(enabled=False))
    sink.meet({})
    sink.start()
    return sink


def us_per_request(seconds: Callable[[Requests], float], goal: float | None = None) -> Figure:
    """Median and quartiles of the rounds."""
    costs = [seconds(measured(seed)) / REQUESTS * 1e6 for seed in range(1, ROUNDS + 1)]
    low, middle, high = np.quantile(costs, [0.25, 0.5, 0.75]).tolist()
    return Figure(middle, "us", goal=goal, spread=(low, high))


def bytes_in_memory(frozen: Baseline) -> float:
    """Of each of many streams with all signals, their baselines included."""
    copies = [
        one.model_copy(update={"route": str(number)})
        for number in range(STREAMS)
        for one in frozen.signals
    ]
    text = frozen.model_copy(update={"signals": tuple(copies)}).model_dump_json()
    tracemalloc.start()
    monitor = Monitor(Baseline.model_validate_json(text))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held / len(monitor.watches)


def main() -> None:
    """Run and report."""
    file = parser(__doc__).parse_args().json
    frozen = baseline(measured(0))
    large, small = BATCHES
    figures = {
        "us_per_request": us_per_request(lambda made: monitor_seconds(frozen, made, large), 1.0),
        f"us_per_request_in_batches_of_{small}": us_per_request(
            lambda made: monitor_seconds(frozen, made, small)
        ),
        "us_per_request_of_the_sink": us_per_request(lambda made: sink_seconds(frozen, made)),
    }
    monitor = Monitor(frozen)
    monitor.update(STREAM, measured(1).take(slice(0, 1004)))
    size = len(json.dumps(monitor.state()["streams"][0]))
    figures["bytes_per_stream"] = Figure(size, "bytes of JSON", goal=4096.0)
    figures["bytes_per_stream_in_memory"] = Figure(bytes_in_memory(frozen), "bytes")
    Report("drift_cost", figures).finish(file)


if __name__ == "__main__":
    main()
