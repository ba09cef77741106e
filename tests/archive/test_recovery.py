"""What is left behind by a writer that did not close its files."""

import os
from pathlib import Path

import pyarrow as pa
import pytest

from sidecar import archive, config, schema
from sidecar.archive import layout
from sidecar.archive.journal import Journal
from tests.archive.samples import batch, ids
from tests.archive.test_writer import settings, stored


@pytest.fixture
def orphan(tmp_path: Path) -> Path:
    """A journal of two batches of three rows, whose writer is gone."""
    path = layout.new_journal(tmp_path, "gone", 498_824)
    journal = Journal.create(path, schema.RECORD)
    for prefix in ("a", "b"):
        journal.append(batch(ids(3, prefix)))
    journal.release()
    return path


def recover(path: Path) -> archive.Counts:
    writer = archive.Writer(config.Archive(path=path))
    writer.close()
    return writer.counts


def test_a_journal_becomes_its_file(tmp_path: Path, orphan: Path) -> None:
    counts = recover(tmp_path)
    assert (counts.recovered_files, counts.recovered_rows, counts.torn_bytes) == (1, 6, 0)
    assert archive.open(tmp_path).files == [layout.final_path(orphan)]
    assert stored(tmp_path) == sorted(ids(3, "a") + ids(3, "b"))
    assert not orphan.exists()
    assert recover(tmp_path).recovered_files == 0


def test_a_torn_tail_is_dropped_and_counted(tmp_path: Path, orphan: Path) -> None:
    os.truncate(orphan, orphan.stat().st_size - 10)
    counts = recover(tmp_path)
    assert counts.recovered_rows == 3
    assert counts.torn_bytes > 0
    assert stored(tmp_path) == ids(3, "a")


@pytest.mark.parametrize(
    "tail", [b"\0" * 4096, b"\xff" * 4096, b"\xff\xff\xff\xff\x10\0\0\0", b"x"]
)
def test_rubbish_at_the_end_costs_no_row(tmp_path: Path, orphan: Path, tail: bytes) -> None:
    with orphan.open("ab") as file:
        file.write(tail)
    counts = recover(tmp_path)
    assert (counts.recovered_rows, counts.torn_bytes) == (6, len(tail))
    assert len(stored(tmp_path)) == 6


def test_a_journal_cut_anywhere_keeps_its_whole_batches(tmp_path: Path, orphan: Path) -> None:
    whole = orphan.read_bytes()
    for size in range(0, len(whole), 997):
        orphan.write_bytes(whole[:size])
        rows = recover(tmp_path).recovered_rows
        assert rows in (0, 3)
        assert len(stored(tmp_path)) == rows
        layout.final_path(orphan).unlink(missing_ok=True)


def test_a_journal_whose_file_is_there_is_only_removed(tmp_path: Path, orphan: Path) -> None:
    content = orphan.read_bytes()
    recover(tmp_path)
    orphan.write_bytes(content)
    assert recover(tmp_path).recovered_files == 0
    assert not orphan.exists()
    assert len(stored(tmp_path)) == 6


def test_a_file_half_written_is_written_again(tmp_path: Path, orphan: Path) -> None:
    layout.staged_path(orphan).write_bytes(b"PAR1 half a row group")
    assert recover(tmp_path).recovered_rows == 6
    assert not layout.staged_path(orphan).exists()


def test_a_living_writers_journal_is_left_alone(tmp_path: Path) -> None:
    living = archive.Writer(settings(tmp_path))
    living.append(batch(ids(2)))
    assert recover(tmp_path).recovered_files == 0
    living.append(batch(ids(2, "later")))
    living.close()
    assert len(stored(tmp_path)) == 4


def test_journals_of_the_dead_are_found_while_running(tmp_path: Path) -> None:
    now = 0.0
    writer = archive.Writer(settings(tmp_path, roll_seconds=10), clock=lambda: now)
    path = layout.new_journal(tmp_path, "gone", 498_824)
    journal = Journal.create(path, schema.RECORD)
    journal.append(batch(ids(1)))
    writer.tick(now=10.0)
    assert path.exists()
    journal.release()
    writer.tick(now=10.0)
    assert stored(tmp_path) == ids(1)
    writer.close()


def test_an_unreadable_batch_of_the_right_length_is_torn(tmp_path: Path, orphan: Path) -> None:
    content = bytearray(orphan.read_bytes())
    offsets = b"".join(n.to_bytes(4, "little") for n in (0, 3, 6, 9))
    position = content.rindex(offsets)
    content[position + 4 : position + 8] = b"\xff\xff\xff\x7f"
    orphan.write_bytes(content)
    counts = recover(tmp_path)
    assert counts.recovered_rows == 3
    assert counts.torn_bytes > 0


def test_a_journal_that_cannot_become_a_file_stays(tmp_path: Path, orphan: Path) -> None:
    final = layout.final_path(orphan)
    final.parent.parent.write_text("a file where a folder should be")
    assert recover(tmp_path).recovery_failures == 1
    assert orphan.exists()
    final.parent.parent.unlink()
    assert recover(tmp_path).recovered_rows == 6


def test_an_older_schema_is_kept_as_it_was(tmp_path: Path) -> None:
    older = batch(ids(1)).append_column("was_there", pa.array(["x"]))
    journal = Journal.create(layout.new_journal(tmp_path, "gone", 498_824), older.schema)
    journal.append(older)
    journal.release()
    recover(tmp_path)
    (file,) = archive.open(tmp_path).files
    assert pa.parquet.read_table(file)["was_there"].to_pylist() == ["x"]
