"""Many files of an hour become few, with the same rows, and what cannot is left and named."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from sidecar import archive, cli, config
from sidecar.archive.compaction import Compaction, UnderWay
from sidecar.archive.staging import StagedFile
from sidecar.archive.steps import Left, Merged
from tests.archive.many_files import (
    EIGHT,
    ENOUGH,
    NINE,
    PAST,
    compact,
    found,
    found_by_others,
    leftovers,
    parquet,
    write,
)
from tests.archive.samples import HOUR, batch, ids
from tests.archive.test_versions import VERSION_1

QUERIES = [
    "select * from samples order by record_id",
    "select * from layers order by record_id, layer",
    "select * from heads order by record_id, layer, head",
    "select * from segments order by record_id, layer, head, segment",
    "select * from hours order by date, hour, route nulls first",
]


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Two hours of five files each."""
    for number in range(5):
        write(tmp_path, ids(30, f"eight-{number}"), seed=number)
        write(tmp_path, ids(10, f"nine-{number}"), seed=number, time=PAST + HOUR)
    return tmp_path


def answers(folder: Path) -> list[pa.Table]:
    opened = archive.open(folder)
    return [opened.sql(query).to_arrow_table() for query in QUERIES]


def bits(folder: Path, columns: list[str] | None = None) -> list[str]:
    """Every row to the last bit; NaN is NaN."""
    table = archive.open(folder).to_arrow(columns).sort_by("record_id")
    return [str(row) for row in table.to_pylist()]


def command(folder: Path, *options: str) -> Result:
    arguments = ["archive", "compact", "--archive", str(folder), *options]
    return CliRunner().invoke(cli.main, arguments, catch_exceptions=False)


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


def test_an_hour_that_a_writer_has_a_journal_for_is_left(many: Path) -> None:
    living = archive.Writer(config.Archive(path=many))
    living.append(batch(ids(2, "living"), time=PAST))
    before = parquet(many, EIGHT)
    left, nine = compact(many)
    assert left == Left(EIGHT, "a writer has a journal for it", failed=False)
    assert isinstance(nine, Merged)
    assert parquet(many, EIGHT) == before
    living.close()
    [eight] = compact(many)
    assert isinstance(eight, Merged)
    assert eight.rows == 152


def test_a_file_whose_journal_was_left_by_a_kill_is_not_merged(many: Path) -> None:
    """Recovery would take it for one that was never written, and write it again."""
    [first, *_] = parquet(many, EIGHT)
    journal = many / "_journal" / f"{EIGHT.replace('/', ',')},{first.stem}.arrows"
    journal.touch()
    assert isinstance(compact(many)[0], Left)
    assert first.exists()


def test_hours_that_are_not_over_for_long_are_left(many: Path) -> None:
    assert list(Compaction(many, ENOUGH).run(24 * 365 * 1000)) == []
    assert len(parquet(many)) == 10


def test_a_damaged_file_is_left_and_named_and_the_others_are_merged(many: Path) -> None:
    [footer, pages, *_] = parquet(many, EIGHT)
    rows = pq.read_metadata(footer).num_rows, pq.read_metadata(pages).num_rows
    footer.write_bytes(b"PAR1 and no more")
    content = bytearray(pages.read_bytes())
    content[4:2000] = b"\xff" * 1996
    pages.write_bytes(content)
    steps = compact(many)
    left = [step for step in steps if isinstance(step, Left)]
    assert [step.what for step in left] == [str(file.relative_to(many)) for file in (footer, pages)]
    [eight, nine] = [step for step in steps if isinstance(step, Merged)]
    assert (eight.files, eight.rows) == (3, 150 - sum(rows))
    assert nine.rows == 50
    assert footer.read_bytes() == b"PAR1 and no more"
    assert pages.read_bytes() == content


def test_damage_that_shows_only_when_all_is_read_changes_nothing_else(many: Path) -> None:
    [_, file, *_] = parquet(many, EIGHT)
    column = pq.read_metadata(file).row_group(0).column(50)
    content = bytearray(file.read_bytes())
    start = column.data_page_offset
    content[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    file.write_bytes(content)
    left, eight, _ = compact(many)
    assert isinstance(left, Left)
    assert left.what == f"{EIGHT}/{file.name}"
    assert isinstance(eight, Merged)
    assert (eight.files, eight.rows) == (4, 120)
    assert found_by_others(many).total() == 200
    assert leftovers(many) == []


def test_what_is_none_of_the_archives_is_left_and_named(many: Path) -> None:
    foreign, later = many / EIGHT / "foreign.parquet", many / EIGHT / "later.parquet"
    pq.write_table(pa.table({"a": [1]}), foreign)
    pq.write_table(
        pa.table({"a": [1]}, pa.schema([("a", pa.int64())], {"attention_schema_version": "3"})),
        later,
    )
    unnamed = pa.schema([pa.field("record_id", pa.string())], {"attention_schema_version": "2"})
    pq.write_table(pa.table({"record_id": [None]}, unnamed), many / EIGHT / "unnamed.parquet")
    (many / "date=2024-02-29/hour=08").mkdir()
    lines = [str(step) for step in compact(many)]
    assert any("foreign.parquet: left as it is: schema version 0, known" in line for line in lines)
    assert any("later.parquet: left as it is: schema version 3, known" in line for line in lines)
    assert any("unnamed.parquet: left as it is: fields should have" in line for line in lines)
    assert any("hour=08: left as it is: folder is" in line for line in lines)
    assert foreign.exists()
    assert later.exists()


def test_two_compactions_exclude_each_other(many: Path) -> None:
    first = Compaction(many, ENOUGH).run(0)
    next(first)
    with pytest.raises(UnderWay, match="another compaction is at work on"):
        compact(many)
    told = command(many)
    assert told.exit_code == 1
    assert "Error: another compaction is at work" in told.output
    assert isinstance(next(first), Merged)
    list(first)
    assert compact(many) == []


def test_a_dry_run_says_what_would_be_and_changes_nothing(many: Path) -> None:
    write(many, ids(3, "eight-0"))
    before = sorted((file, file.stat().st_mtime_ns) for file in many.rglob("*"))
    told = command(many, "--dry-run")
    assert told.exit_code == 0
    first, _, last, nothing = told.output.splitlines()
    assert first.startswith(f"{EIGHT}: 6 files to 1, 150 rows, 3 duplicates left out, 0.")
    assert last.startswith("2 hours: 11 files to 2, 200 rows, 3 duplicates left out, 0.")
    assert nothing == "nothing was changed"
    assert sorted((file, file.stat().st_mtime_ns) for file in many.rglob("*")) == before


def test_the_command_prints_each_hour_and_a_total(many: Path) -> None:
    told = command(many)
    assert told.exit_code == 0
    eight, nine, last = told.output.splitlines()
    assert eight.startswith(f"{EIGHT}: 5 files to 1, 150 rows, 0 duplicates left out, ")
    assert nine.startswith(f"{NINE}: 5 files to 1, 50 rows, 0 duplicates left out, ")
    assert last.startswith("2 hours: 10 files to 2, 200 rows, 0 duplicates left out, ")
    again = command(many)
    assert (again.exit_code, again.output.splitlines()[0][:8]) == (0, "0 hours:")


def test_the_command_exits_with_1_when_something_cannot_be_read(many: Path) -> None:
    parquet(many, EIGHT)[0].write_bytes(b"PAR1")
    told = command(many)
    assert told.exit_code == 1
    assert f"{EIGHT}/" in told.stderr
    assert "2 hours: 9 files to 2" in told.stdout
    assert command(many / "nowhere").exit_code == 1
    assert command(many, "--older-than", "-1").exit_code == 2
    assert command(many, "--older-than", "1000000000").exit_code == 0
