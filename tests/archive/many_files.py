"""Hours of many small files, and what can be said of them."""

import glob
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

from sidecar import archive, config
from sidecar.archive.compaction import Compaction
from sidecar.archive.steps import Step
from tests.archive.samples import batch

PAST = int(datetime(2024, 2, 29, 8, 30, tzinfo=UTC).timestamp() * 1_000_000)
EIGHT, NINE = "date=2024-02-29/hour=8", "date=2024-02-29/hour=9"
ENOUGH = 1 << 30


def write(
    folder: Path, names: Iterable[str], *, time: int = PAST, seed: int = 0, per_head: bool = True
) -> None:
    """One file of an hour that is over."""
    writer = archive.Writer(config.Archive(path=folder, per_head=per_head))
    writer.append(batch(names, time=time, seed=seed))
    writer.close()


def compact(folder: Path, enough: int = ENOUGH, *, dry_run: bool = False) -> list[Step]:
    """What a compaction of all hours did."""
    return list(Compaction(folder, enough, dry_run=dry_run).run(0))


def parquet(folder: Path, hour: str = "date=*/hour=*") -> list[Path]:
    """What any reader sees."""
    return sorted(Path(file) for file in glob.glob(f"{folder}/{hour}/*.parquet"))  # noqa: PTH207


def found(folder: Path) -> Counter[str]:
    """How often the archive's reader finds each row."""
    return Counter(archive.open(folder).to_arrow(["record_id"])["record_id"].to_pylist())


def found_by_sql(folder: Path) -> Counter[str]:
    """The same with SQL."""
    rows = archive.open(folder).sql("select record_id from samples").fetchall()
    return Counter(name for (name,) in rows)


def found_by_others(folder: Path) -> Counter[str]:
    """The same for a reader that takes every file."""
    ids: Counter[str] = Counter()
    for file in parquet(folder):
        ids.update(pq.read_table(file, columns=["record_id"], partitioning=None)[0].to_pylist())
    return ids


def leftovers(folder: Path) -> list[Path]:
    """Files of the writers' folder that should be gone."""
    return list((folder / "_journal").glob("[!.]*"))
