"""What compaction gives and costs: six hours of 24 replicas, with a file for every five minutes.

The same query, hourly percentiles of one signal, is asked of them before and after, each time of
an archive opened anew; caches are warm. Rates are of compaction as a whole, reading, leaving out
duplicates and syncing included.
"""

import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median, quantiles

import pyarrow as pa

from benchmarks import archive_week, attention_samples
from benchmarks.archive_query import HISTOGRAM, ask
from benchmarks.report import Figure, Report, paired, parser
from sidecar import archive, config
from sidecar.archive.compaction import Compaction

HOURS, FILES, SAMPLES = 6, 24 * 12, 150_000
ENOUGH = 1 << 30
CORES = 2
ROUNDS = 4
COPY = "compacted"
PER_HEAD_FILES, PER_HEAD_SAMPLES = 40, 3000


def per_head(folder: Path) -> None:
    """An hour of small files with every array."""
    whole = attention_samples.batch(PER_HEAD_SAMPLES)
    rows = PER_HEAD_SAMPLES // PER_HEAD_FILES
    writer = archive.Writer(config.Archive(path=folder))
    for start in range(0, PER_HEAD_SAMPLES, rows):
        writer.append(whole.slice(start, rows))
        writer.flush()
    writer.close()


def compaction(folder: Path) -> float:
    """Seconds to merge the files of a copy, which stays beside."""
    copy = folder.with_name(COPY)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    start = time.perf_counter()
    list(Compaction(copy, ENOUGH).run(-1e9))
    return time.perf_counter() - start


def rate(folder: Path, samples: int) -> Figure:
    """Samples compacted in a second."""
    rates = [samples / compaction(folder) for _ in range(ROUNDS)]
    low, _, high = quantiles(rates, n=4, method="inclusive")
    return Figure(median(rates), "1/s", better="higher", spread=(low, high))


def seconds(folder: Path) -> float:
    """Of one answer."""
    start = time.perf_counter()
    ask(archive.open(folder), HISTOGRAM)
    return time.perf_counter() - start


def few_hours(folder: Path) -> dict[str, Figure]:
    """Hours of scalar samples: how many files, how fast they are asked and merged."""
    archive_week.write(folder, SAMPLES, hours=HOURS, files=FILES)
    before = archive.open(folder)
    speed = rate(folder, before.dataset.count_rows())
    after = archive.open(folder.with_name(COPY))
    assert (ask(after, HISTOGRAM) == ask(before, HISTOGRAM)).all()
    pair = paired(partial(seconds, before.path), partial(seconds, after.path), rounds=ROUNDS)
    return {
        "files": Figure(len(after.files), "files", baseline=len(before.files)),
        "query_seconds": Figure(pair.second, "s", baseline=pair.first),
        "query_ratio": Figure(pair.ratio, "of the time before", spread=pair.spread),
        "scalar_samples_per_s": speed,
    }


def main() -> None:
    file = parser(__doc__).parse_args().json
    pa.set_cpu_count(CORES)
    with tempfile.TemporaryDirectory() as name:
        scalar, whole = Path(name, "scalar", "many"), Path(name, "whole", "many")
        per_head(whole)
        found = few_hours(scalar) | {"samples_per_s": rate(whole, PER_HEAD_SAMPLES)}
    Report("archive_compact", found).finish(file)


if __name__ == "__main__":
    main()
