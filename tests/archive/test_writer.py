"""Where rows go, when files appear, and what is refused."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sidecar import archive, config, schema
from sidecar.archive.writer import MAX_OPEN_HOURS
from tests.archive.samples import HOUR, START, batch, ids


def settings(path: Path, **fields: object) -> config.Archive:
    return config.Archive.model_validate({"path": path, **fields})


def stored(path: Path) -> list[str]:
    found: list[str] = archive.open(path).to_arrow(["record_id"])["record_id"].to_pylist()
    return sorted(found)


def test_a_file_lies_in_the_folder_of_its_hour(tmp_path: Path) -> None:
    writer = archive.Writer(settings(tmp_path), name="w1")
    writer.append(batch(ids(3)))
    assert archive.open(tmp_path).files == []
    writer.close()
    (file,) = archive.open(tmp_path).files
    assert file.parent == tmp_path / "date=2026-11-23/hour=8"
    assert file.name.startswith("w1-")
    assert list((tmp_path / "_journal").glob("[!.]*")) == []


def test_a_batch_over_the_hour_is_split_by_the_samples_own_time(tmp_path: Path) -> None:
    writer = archive.Writer(settings(tmp_path))
    writer.append(batch(ids(4), time=START - HOUR // 2 - 2000))
    writer.close()
    rows = archive.open(tmp_path).to_arrow(["record_id", "hour"]).to_pylist()
    hours = {row["record_id"]: row["hour"] for row in rows}
    assert hours == {"r-0": 7, "r-1": 7, "r-2": 8, "r-3": 8}


def test_a_file_is_closed_when_it_is_old(tmp_path: Path) -> None:
    now = 0.0
    writer = archive.Writer(settings(tmp_path, roll_seconds=10), clock=lambda: now)
    writer.append(batch(ids(2)))
    writer.tick(now=9.9)
    assert stored(tmp_path) == []
    writer.tick(now=10.0)
    assert stored(tmp_path) == ids(2)
    assert writer.counts.files == 1
    writer.close()
    assert writer.counts.files == 1


def test_a_file_is_closed_when_it_is_big(tmp_path: Path) -> None:
    writer = archive.Writer(settings(tmp_path, roll_mb=1))
    for part in range(20):
        writer.append(batch(ids(100, f"p{part}")))
    assert 1 <= writer.counts.files <= 3
    writer.close()
    assert len(stored(tmp_path)) == 2000


def test_few_hours_are_open_at_a_time(tmp_path: Path) -> None:
    writer = archive.Writer(settings(tmp_path))
    for hour in range(MAX_OPEN_HOURS + 2):
        writer.append(batch(ids(1, f"h{hour}"), time=START + hour * HOUR))
    assert stored(tmp_path) == ["h0-0", "h1-0"]
    writer.close()
    assert len(stored(tmp_path)) == MAX_OPEN_HOURS + 2


def test_two_writers_share_a_folder(tmp_path: Path) -> None:
    first = archive.Writer(settings(tmp_path), name="same")
    first.append(batch(ids(2, "a")))
    second = archive.Writer(settings(tmp_path), name="same")
    second.append(batch(ids(2, "b")))
    first.append(batch(ids(2, "c")))
    second.close()
    first.close()
    assert stored(tmp_path) == sorted(ids(2, "a") + ids(2, "b") + ids(2, "c"))
    assert second.counts.recovered_files == 0


def test_all_files_of_an_archive_have_one_schema(tmp_path: Path) -> None:
    for per_head in (True, False):
        writer = archive.Writer(settings(tmp_path, per_head=per_head))
        writer.append(batch(ids(1, f"per_head_{per_head}")))
        writer.close()
    first, second = (pq.read_schema(file) for file in archive.open(tmp_path).files)
    assert first.equals(second, check_metadata=True)
    assert first.metadata[schema.VERSION_KEY] == b"2"


def test_without_per_head_arrays_these_columns_are_null(tmp_path: Path) -> None:
    writer = archive.Writer(settings(tmp_path, per_head=False))
    writer.append(batch(ids(1)))
    writer.close()
    (row,) = archive.open(tmp_path).to_arrow().to_pylist()
    assert {row[field.name] for field in schema.HEADS} == {None}
    assert row["layer_sink_share"][0] == 0.25


@pytest.mark.parametrize("per_head", [True, False])
def test_floats_are_split_where_they_hardly_repeat(tmp_path: Path, per_head: bool) -> None:
    writer = archive.Writer(settings(tmp_path, per_head=per_head))
    writer.append(batch(ids(5)))
    writer.close()
    (file,) = archive.open(tmp_path).files
    group = pq.ParquetFile(file).metadata.row_group(0)
    columns = {c.path_in_schema: c for c in map(group.column, range(group.num_columns))}
    for name in ("mass.list.element", "context_share") if per_head else ():
        assert "BYTE_STREAM_SPLIT" in columns[name].encodings
        assert "RLE_DICTIONARY" not in columns[name].encodings
    assert ("RLE_DICTIONARY" in columns["context_share"].encodings) is not per_head
    assert "RLE_DICTIONARY" in columns["segment_role.list.element"].encodings
    assert {column.compression for column in columns.values()} == {"ZSTD"}


def test_a_batch_of_another_schema_is_refused_by_name(tmp_path: Path) -> None:
    writer = archive.Writer(settings(tmp_path))
    with pytest.raises(schema.SchemaMismatch, match="'mass' is missing"):
        writer.append(batch(ids(1)).drop_columns(["mass"]))
    old = batch(ids(1)).replace_schema_metadata({schema.VERSION_KEY: b"0"})
    with pytest.raises(schema.SchemaMismatch, match="version"):
        writer.append(old)
    assert writer.counts.rows == 0


def test_columns_may_come_in_any_order(tmp_path: Path) -> None:
    writer = archive.Writer(settings(tmp_path))
    writer.append(batch(ids(1)).select(schema.RECORD.names[::-1]))
    writer.close()
    assert stored(tmp_path) == ids(1)


def test_what_no_reader_could_take_is_refused_before_it_is_stored(tmp_path: Path) -> None:
    writer = archive.Writer(settings(tmp_path))
    good = batch(ids(2))
    broken = good.set_column(0, good.schema.field(0), pa.array(["x", None]))
    with pytest.raises(ValueError, match="'record_id' holds 1 null"):
        writer.append(broken)
    for time in (-1, 2**62):
        with pytest.raises(ValueError, match="'time' of record 'r-0' is outside"):
            writer.append(batch(ids(1), time=time))
    writer.append(good)
    writer.close()
    assert stored(tmp_path) == ids(2)


def test_a_closed_writer_and_a_bad_name_are_refused(tmp_path: Path) -> None:
    writer = archive.Writer(settings(tmp_path))
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.append(batch(ids(1)))
    with pytest.raises(ValueError, match=r"'a/b', expected letters"):
        archive.Writer(settings(tmp_path), name="a/b")


def test_an_empty_batch_makes_no_file(tmp_path: Path) -> None:
    writer = archive.Writer(settings(tmp_path))
    writer.append(batch([]))
    writer.close()
    assert archive.open(tmp_path).files == []
