"""Many files of an hour become few, with the same rows."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sidecar import archive
from sidecar.archive.staging import StagedFile
from sidecar.archive.steps import Merged
from tests.archive.many_files import (
    EIGHT,
    NINE,
    PAST,
    compact,
    found,
    leftovers,
    parquet,
    write,
)
from tests.archive.samples import batch, ids
from tests.archive.test_versions import VERSION_1

QUERIES = [
    "select * from samples order by record_id",
    "select * from layers order by record_id, layer",
    "select * from heads order by record_id, layer, head",
    "select * from segments order by record_id, layer, head, segment",
    "select * from hours order by date, hour, route nulls first",
]


def answers(folder: Path) -> list[pa.Table]:
    opened = archive.open(folder)
    return [opened.sql(query).to_arrow_table() for query in QUERIES]


def bits(folder: Path, columns: list[str] | None = None) -> list[str]:
    """Every row to the last bit; NaN is NaN."""
    table = archive.open(folder).to_arrow(columns).sort_by("record_id")
    return [str(row) for row in table.to_pylist()]


def test_an_hour_becomes_one_file_of_the_same_rows(many: Path) -> None:
    before, asked = bits(many), answers(many)
    eight, nine = compact(many)
    assert isinstance(eight, Merged)
    assert isinstance(nine, Merged)
    assert (eight.files, eight.became, eight.rows, eight.duplicates) == (5, 1, 150, 0)
    assert (nine.files, nine.became, nine.rows) == (5, 1, 50)
    assert len(parquet(many, EIGHT)) == len(parquet(many, NINE)) == 1
    assert bits(many) == before
    assert len(before) == 200
    for one, other in zip(asked, answers(many), strict=True):
        assert one.num_rows > 0
        assert str(one.to_pylist()) == str(other.to_pylist())
    assert leftovers(many) == []


@pytest.mark.parametrize("per_head", [True, False])
def test_the_file_is_as_the_writer_would_have_written_it(tmp_path: Path, per_head: bool) -> None:
    for number in range(3):
        write(tmp_path, ids(50, f"{number}"), seed=number, per_head=per_head)
    [old, *_] = map(pq.ParquetFile, parquet(tmp_path))
    compact(tmp_path)
    [new] = map(pq.ParquetFile, parquet(tmp_path))
    assert new.schema_arrow.equals(old.schema_arrow, check_metadata=True)
    for number in range(old.metadata.num_columns):
        before, after = (one.metadata.row_group(0).column(number) for one in (old, new))
        assert set(after.encodings) == set(before.encodings), before.path_in_schema
        assert after.compression == before.compression == "ZSTD"
        assert after.is_stats_set == before.is_stats_set
    assert new.metadata.num_row_groups == 1
    assert new.read().validate(full=True) is None


def test_rows_keep_the_order_in_which_they_were_finished(tmp_path: Path) -> None:
    for number, name in enumerate("bac"):
        write(tmp_path, [f"{name}2", f"{name}1"], seed=number)
        [file] = [file for file in parquet(tmp_path) if file.stat().st_mtime > 10_000]
        os.utime(file, (number, number))
    compact(tmp_path)
    [file] = parquet(tmp_path)
    names = pq.read_table(file, partitioning=None)["record_id"].to_pylist()
    assert names == ["b2", "b1", "a2", "a1", "c2", "c1"]


def test_what_was_delivered_twice_is_there_once(many: Path) -> None:
    write(many, [*ids(4, "eight-0"), "new"], seed=0)
    assert found(many).total() == 205
    [eight, _] = compact(many)
    assert isinstance(eight, Merged)
    assert (eight.rows, eight.duplicates) == (151, 4)
    assert set(found(many).values()) == {1}
    assert len(found(many)) == 201


def test_a_second_run_finds_nothing_to_do_and_a_third_takes_what_came_late(many: Path) -> None:
    compact(many)
    before = parquet(many)
    assert compact(many) == []
    assert parquet(many) == before
    write(many, ["late", *ids(2, "eight-1")], seed=1)
    [eight] = compact(many)
    assert isinstance(eight, Merged)
    assert (eight.folder, eight.files, eight.rows, eight.duplicates) == (EIGHT, 2, 151, 2)
    assert found(many)["late"] == 1


def test_a_file_has_a_bound_and_is_not_written_again(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("sidecar.archive.staging.ROW_GROUP_BYTES", 20_000)
    for number in range(12):
        write(tmp_path, ids(40, f"{number}"), seed=number)
    [hour] = compact(tmp_path, 60_000)
    assert isinstance(hour, Merged)
    assert 1 < hour.became < hour.files == 12
    *full, _rest = sorted(file.stat().st_size for file in parquet(tmp_path))[::-1]
    assert all(60_000 <= size < 100_000 for size in full)
    before = set(parquet(tmp_path))
    assert compact(tmp_path, 60_000) == []
    write(tmp_path, ids(41, "0"), seed=0)
    write(tmp_path, ["late"])
    [hour] = compact(tmp_path, 60_000)
    assert isinstance(hour, Merged)
    assert hour.duplicates == 40, "those in files that stay are known as well"
    assert len(before & set(parquet(tmp_path))) >= len(full)
    assert set(found(tmp_path).values()) == {1}
    assert len(found(tmp_path)) == 12 * 40 + 2


def test_versions_stay_apart_and_duplicates_over_both_are_left_out(tmp_path: Path) -> None:
    for number in range(2):
        rows = batch(ids(3, f"old-{number}"), time=PAST, seed=number).select(VERSION_1.names)
        final = tmp_path / EIGHT / f"old-{number}.parquet"
        file = StagedFile(final, tmp_path / "old.staged", VERSION_1)
        file.append(rows.cast(VERSION_1), rows.nbytes)
        file.finish()
        write(tmp_path, [*ids(3, f"new-{number}"), f"old-{number}-1"], seed=number)
    asked = archive.open(tmp_path).sql("select distinct * from samples order by all").fetchall()
    [hour] = compact(tmp_path)
    assert isinstance(hour, Merged)
    assert (hour.files, hour.became, hour.rows, hour.duplicates) == (4, 2, 12, 2)
    versions = [
        pq.read_schema(file).metadata[b"attention_schema_version"] for file in parquet(tmp_path)
    ]
    assert sorted(versions) == [b"1", b"2"]
    after = archive.open(tmp_path).sql("select * from samples order by all").fetchall()
    kept = [row for row in asked if row in after]
    assert str(after) == str(kept)
    assert set(found(tmp_path).values()) == {1}


def test_of_two_copies_that_with_per_head_arrays_is_kept(tmp_path: Path) -> None:
    for per_head in (True, False, True, False):
        write(tmp_path, ids(3), per_head=per_head)
    [hour] = compact(tmp_path)
    assert isinstance(hour, Merged)
    assert (hour.rows, hour.duplicates, hour.became) == (3, 9, 1)
    assert archive.open(tmp_path).to_arrow(["mass"])["mass"].null_count == 0
