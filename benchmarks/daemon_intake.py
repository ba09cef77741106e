"""How many samples one core takes in: decode, signals, Prometheus and the archive, all at once.

The daemon, with all its threads, has one core; the tap that feeds it the other. The feed waits for
the slowest sink, so nothing is dropped. Samples are 4 layers x 32 heads x 8 segments, 11 kB each.

The scalar figures are with `archive.per_head` off: per-head arrays still arrive, are checked and
reduced to signals, and only then left out.
"""

import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zmq

from benchmarks.report import Figure, Report, parser
from sidecar import config, schema, signals, wire
from tests.daemon.synthetic import Tap

DISTINCT, PER_MESSAGE = 4096, 64
"""Samples that differ, and samples in a message, as many as the tap sends at once."""
SECONDS, WARM_UP, ROUNDS = 6.0, 2.0, 3
WINDOW = 2048
"""Samples sent and not yet written; fewer than a sink's queue holds."""
GOALS = {"samples_per_s": 10_000.0, "scalar_samples_per_s": 100_000.0}


def settings(folder: Path, *, per_head: bool) -> config.Settings:
    """A daemon in a folder of its own."""
    return config.load(
        {
            "http": {"port": 0},
            "wire": {"samples": f"ipc://{folder}/samples", "control": f"ipc://{folder}/control"},
            "archive": {"path": folder / "archive", "per_head": per_head},
            "daemon": {"log_level": "error"},
        }
    )


def serve(folder: Path, per_head: bool, core: int, shared: Any) -> None:
    """The daemon's process: publishes progress, CPU seconds and memory, scrapes itself."""
    os.sched_setaffinity(0, {core})
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    from sidecar.daemon.service import Daemon, use_lean_memory

    use_lean_memory()
    daemon = Daemon(settings(folder, per_head=per_head))
    daemon.start()
    sinks = [runner.sink.name for runner in daemon.runners]
    written = [daemon.metrics.written.labels(sink) for sink in sinks]
    scraped = 0.0
    while not shared["stop"].is_set():
        time.sleep(0.005)
        shared["done"].value = int(min(vars(counter)["_value"].get() for counter in written))
        shared["cpu"].value = time.process_time()
        if time.monotonic() - scraped >= 1:
            daemon.page.render("")
            scraped = time.monotonic()
            shared["rss_mb"].value = max(shared["rss_mb"].value, _rss_mb())
    daemon.stop()


@contextmanager
def running(per_head: bool, core: int) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A daemon's folder and what its process tells."""
    context = multiprocessing.get_context("spawn")
    shared: dict[str, Any] = {name: context.Value("d", 0.0) for name in ("done", "cpu", "rss_mb")}
    shared["stop"] = context.Event()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = context.Process(target=serve, args=(folder, per_head, core, shared))
        process.start()
        try:
            yield folder, shared
        finally:
            shared["stop"].set()
            process.join(30)


class Feed:
    """Sends as fast as the daemon writes."""

    def __init__(self, batches: list[pa.RecordBatch], folder: Path, shared: dict[str, Any]) -> None:
        self._batches, self._shared, self.sent = batches, shared, 0
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUSH)
        self._socket.connect(f"ipc://{folder}/samples")

    def send(self) -> None:
        """The next message, as soon as the window has room."""
        while self.sent - self._shared["done"].value > WINDOW:
            time.sleep(0.0005)
        batch = self._batches[self.sent // PER_MESSAGE % len(self._batches)]
        numbers = range(self.sent, self.sent + len(batch))
        fresh = {
            "sequence": pa.array(numbers),
            "record_id": pa.array([f"b-0-{n}" for n in numbers]),
        }
        columns = [
            fresh.get(name, column)
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        ]
        payload = wire.encode_batch(pa.RecordBatch.from_arrays(columns, schema=schema.WIRE))
        self._socket.send_multipart([wire.SAMPLES, payload], copy=False)
        self.sent += len(batch)

    def close(self) -> None:
        self._context.destroy(linger=0)


def throughput(batches: list[pa.RecordBatch], *, per_head: bool, core: int) -> dict[str, float]:
    """Samples a second by the clock and by the daemon's CPU time; memory; archive bytes."""
    with running(per_head, core=core) as (folder, shared):
        feed = Feed(batches, folder, shared)
        _feed_for(feed, WARM_UP, at_least=WINDOW)
        begin, done, cpu = time.perf_counter(), shared["done"].value, shared["cpu"].value
        _feed_for(feed, SECONDS)
        samples, wall = shared["done"].value - done, time.perf_counter() - begin
        cpu = shared["cpu"].value - cpu
        feed.close()
        memory = shared["rss_mb"].value
    return {"wall": samples / wall, "cpu": samples / cpu, "rss_mb": memory}


def _feed_for(feed: Feed, seconds: float, at_least: int = 0) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or feed.sent < at_least:
        feed.send()


def archive_bytes(batches: list[pa.RecordBatch]) -> float:
    """Bytes on disk of a sample with per-head arrays, in a file of distinct samples."""
    from sidecar.archive import Writer

    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(config.Archive(path=Path(folder)))
        for batch in batches:
            writer.append(signals.compute(batch))
        writer.close()
        size = sum(file.stat().st_size for file in Path(folder).rglob("*.parquet"))
    return size / sum(map(len, batches))


def seconds_a_sample(
    work: Callable[[pa.RecordBatch], object], batches: list[pa.RecordBatch]
) -> float:
    """CPU seconds, the median of some rounds."""
    samples, rounds = sum(map(len, batches)), []
    for _ in range(ROUNDS):
        begin = time.process_time()
        for batch in batches:
            work(batch)
        rounds.append((time.process_time() - begin) / samples)
    return statistics.median(rounds)


def bare_copy(batch: pa.RecordBatch) -> None:
    """Read and write every byte once."""
    for column in batch.columns:
        for buffer in column.buffers():
            if buffer is not None:
                np.frombuffer(buffer, np.uint8).copy()


def bare_parquet(batch: pa.RecordBatch) -> None:
    """Parquet with zstd, and nothing else: no rounding, no journal, no check."""
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.table(batch), sink, compression="zstd", compression_level=1, use_dictionary=False
    )


def measured(core: int) -> dict[str, Figure]:
    """All figures, with the daemon on this core."""
    tap = Tap(documents=4)
    batches = [tap.batch(PER_MESSAGE) for _ in range(DISTINCT // PER_MESSAGE)]
    full = [throughput(batches, per_head=True, core=core) for _ in range(ROUNDS)]
    scalar = [throughput(batches, per_head=False, core=core) for _ in range(ROUNDS)]
    records = [
        signals.compute(pa.concat_batches(batches[i : i + 4])) for i in range(0, len(batches), 4)
    ]
    signal_seconds = seconds_a_sample(
        signals.compute, [record.select(schema.WIRE.names) for record in records]
    )
    copy, parquet = seconds_a_sample(bare_copy, records), seconds_a_sample(bare_parquet, records)
    per_sample = 1 / _median(full, "cpu")
    return {
        "samples_per_s": _figure(full, "wall", "samples_per_s"),
        "samples_per_cpu_s": _figure(full, "cpu", "samples_per_s"),
        "scalar_samples_per_s": _figure(scalar, "wall", "scalar_samples_per_s"),
        "scalar_samples_per_cpu_s": _figure(scalar, "cpu", "scalar_samples_per_s"),
        "copy_time_share_pct": Figure(100 * copy / per_sample, "%"),
        "parquet_time_share_pct": Figure(100 * parquet / per_sample, "%"),
        "signals_us_per_sample": Figure(1e6 * signal_seconds, "us", goal=15.0),
        "rss_mb": Figure(max(run["rss_mb"] for run in full), "MB", goal=300.0),
        "archive_bytes_per_sample": Figure(archive_bytes(batches), "B", goal=4000.0),
    }


def _median(runs: list[dict[str, float]], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def _figure(runs: list[dict[str, float]], name: str, goal: str) -> Figure:
    low, _, high = statistics.quantiles([run[name] for run in runs], n=4, method="inclusive")
    return Figure(_median(runs, name), "1/s", None, GOALS[goal], "higher", (low, high))


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    file = parser(__doc__).parse_args().json
    cores = os.sched_getaffinity(0)
    feeding, serving = sorted(cores)[:2]
    os.sched_setaffinity(0, {feeding})
    figures = measured(serving)
    os.sched_setaffinity(0, cores)
    Report("daemon_intake", figures).finish(file)
