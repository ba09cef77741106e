"""What it costs to store a sample of 4 layers × 32 heads × 8 segments: seconds and bytes.

Processor time of one thread, journal, rounding and Parquet included. The baseline of the time is
pyarrow writing the same columns unrounded with zstd-1; that of the bytes is the file this gives.
"""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import attention_samples
from benchmarks.report import Figure, Report, paired, parser
from sidecar import archive, config, schema, wire

SAMPLES = 3000
BATCH = 64
ROUNDS = 6


def store(batches: list[pa.RecordBatch], *, per_head: bool) -> tuple[float, float]:
    """Microseconds of the processor and bytes of disk for each sample."""
    with tempfile.TemporaryDirectory() as folder:
        settings = config.Archive(path=Path(folder), per_head=per_head)
        start = time.process_time()
        writer = archive.Writer(settings)
        for batch in batches:
            writer.append(batch)
        writer.close()
        spent = time.process_time() - start
        size = sum(file.stat().st_size for file in archive.open(folder).files)
        return spent / writer.counts.rows * 1e6, size / writer.counts.rows


def plain(batches: list[pa.RecordBatch], columns: list[str]) -> tuple[float, float]:
    """The same of Parquet alone."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "plain.parquet")
        start = time.process_time()
        table = pa.Table.from_batches(batches).select(columns)
        pq.write_table(table, file, compression="zstd", compression_level=1)
        spent = time.process_time() - start
        return spent / len(table) * 1e6, file.stat().st_size / len(table)


def figures(batches: list[pa.RecordBatch], *, per_head: bool) -> dict[str, Figure]:
    """Time and size with or without per-head arrays."""
    names = (schema.RECORD if per_head else schema.SCALAR_RECORD).names
    baseline, ours = partial(plain, batches, names), partial(store, batches, per_head=per_head)
    pair = paired(first(baseline), first(ours), rounds=ROUNDS)
    prefix = "" if per_head else "scalar_"
    return {
        f"{prefix}us_per_sample": Figure(
            pair.second, "us", baseline=pair.first, goal=70 if per_head else None
        ),
        f"{prefix}bytes_per_sample": Figure(
            ours()[1], "bytes", baseline=baseline()[1], goal=4000 if per_head else None
        ),
    }


def first(work: Callable[[], tuple[float, float]]) -> Callable[[], float]:
    """The first of the two numbers."""
    return lambda: work()[0]


def main() -> None:
    file = parser(__doc__).parse_args().json
    pa.set_cpu_count(1)
    whole = attention_samples.batch(SAMPLES)
    batches = [
        wire.decode_batch(wire.encode_batch(whole.slice(start, BATCH)))
        for start in range(0, SAMPLES, BATCH)
    ]
    found = figures(batches, per_head=True) | figures(batches, per_head=False)
    Report("archive_write", found).finish(file)


if __name__ == "__main__":
    main()
