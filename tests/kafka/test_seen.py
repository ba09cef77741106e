"""Ids of what was stored are remembered, also of files that were merged."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from sidecar import archive, config, signals
from sidecar.archive.compaction import Compaction
from sidecar.daemon.consumers.seen import Seen
from tests.daemon.synthetic import Tap, batch_of
from tests.kafka.kit import records


def test_ids_are_remembered_up_to_a_bound() -> None:
    seen = Seen(most=3)
    batch = records(4)
    assert seen.fresh(batch).all()
    seen.remember(batch.column("record_id").to_pylist())
    assert seen.fresh(batch).tolist() == [True, False, False, False]


def test_an_id_that_comes_again_is_among_the_latest() -> None:
    seen = Seen(most=2)
    batch = records(3)
    a, b, c = batch.column("record_id").to_pylist()
    for ids in ([a, b], [a], [c]):
        seen.remember(ids)
    assert seen.fresh(batch).tolist() == [False, True, False]


def test_the_ids_of_the_latest_files_are_remembered(tmp_path: Path) -> None:
    """Paths sort hour=10 before hour=9; the hour is that of the samples, not of the file."""
    batches = {}
    for number, hour in enumerate((9, 8, 10)):
        tap, moment = Tap(boot=f"h{hour}"), datetime(2026, 11, 26, hour, tzinfo=UTC)
        batches[hour] = signals.compute(batch_of([tap.sample(time=moment) for _ in range(5)]))
        writer = archive.Writer(config.Archive(path=tmp_path))
        writer.append(batches[hour])
        writer.close()
        [file] = tmp_path.glob(f"date=*/hour={hour}/*.parquet")
        os.utime(file, (number, number))
    seen = Seen(most=10)
    seen.load(tmp_path)
    assert not seen.fresh(batches[10]).any()
    assert not seen.fresh(batches[8]).any()
    assert seen.fresh(batches[9]).all()


def late_file(folder: Path, boot: str, hour: int, finished: int) -> pa.RecordBatch:
    """Five rows of an hour whose file was finished then, minutes since the epoch."""
    tap, moment = Tap(boot=boot), datetime(2024, 2, 29, hour, tzinfo=UTC)
    batch = signals.compute(batch_of([tap.sample(time=moment) for _ in range(5)]))
    before = set(folder.glob("date=*/hour=*/*.parquet"))
    writer = archive.Writer(config.Archive(path=folder))
    writer.append(batch)
    writer.close()
    [file] = set(folder.glob("date=*/hour=*/*.parquet")) - before
    os.utime(file, (finished * 60, finished * 60))
    return batch


@pytest.mark.parametrize("runs", [0, 1, 2])
def test_merging_files_makes_no_row_look_newer(tmp_path: Path, runs: int) -> None:
    """What came late is among the latest, the rest of its hour is not, merged or not."""
    early = [late_file(tmp_path, f"early-{n}", 8, n) for n in (1, 2)]
    between = [late_file(tmp_path, f"between-{n}", 9, n) for n in (3, 4)]
    if runs == 2:
        list(Compaction(tmp_path, 1 << 30).run(0))
    late = late_file(tmp_path, "late", 8, 5)
    if runs:
        list(Compaction(tmp_path, 1 << 30).run(0))
        assert len(archive.open(tmp_path).files) == 2
    seen = Seen(most=15)
    seen.load(tmp_path)
    assert not seen.fresh(late).any()
    assert not any(seen.fresh(batch).any() for batch in between)
    assert all(seen.fresh(batch).all() for batch in early)
    more = Seen(most=16)
    more.load(tmp_path)
    assert more.fresh(early[1]).sum() == 4
    assert more.fresh(early[0]).all()


def test_a_batch_that_repeats_itself_is_stored_once() -> None:
    batch = records(2)
    assert Seen().fresh(pa.concat_batches([batch, batch])).tolist() == [True, True, False, False]
