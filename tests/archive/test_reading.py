"""DuckDB, pyarrow, pandas and polars read the same rows, with the documented types."""

import math
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from sidecar import archive, config, schema
from sidecar.archive.reading import COLUMNS
from tests.archive.samples import HEADS, HOUR, LAYERS, ROLES, START, batch, ids

COUNT = 6


@pytest.fixture
def samples() -> pa.RecordBatch:
    return batch(ids(COUNT), spacing=HOUR // 3)


@pytest.fixture
def stored(tmp_path: Path, samples: pa.RecordBatch) -> archive.Archive:
    """Six samples over three hours; and files under way, which no reader may see."""
    writer = archive.Writer(config.Archive(path=tmp_path))
    writer.append(samples)
    writer.close()
    under_way = archive.Writer(config.Archive(path=tmp_path))
    under_way.append(batch(ids(1, "under-way")))
    (tmp_path / "_journal" / "x.staged").write_bytes(b"half a file")
    return archive.open(tmp_path)


def rows(relation: duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = relation.to_arrow_table().to_pylist()
    return found


def test_all_readers_see_the_same_scalars(stored: archive.Archive) -> None:
    columns = ["record_id", "hour", "time", "step", "context_share", "document_entropy", "route"]
    arrow = stored.to_arrow(columns).sort_by("record_id").to_pylist()
    sql = rows(stored.sql(f"select {', '.join(columns)} from samples order by record_id"))
    polars = stored.to_polars(columns).sort("record_id").to_dicts()
    pandas = stored.to_pandas(columns).sort_values("record_id")
    assert arrow == sql == polars
    assert [row["record_id"] for row in arrow] == ids(COUNT)
    assert [row["hour"] for row in arrow] == [8, 8, 9, 9, 9, 10]
    assert list(pandas["record_id"]) == ids(COUNT)
    assert list(pandas["context_share"]) == [row["context_share"] for row in arrow]
    assert list(pandas["time"]) == [row["time"] for row in arrow]
    assert pandas["document_entropy"].isna().all()
    assert list(pandas["route"].isna()) == [row["route"] is None for row in arrow]


def test_all_readers_see_the_same_arrays(stored: archive.Archive) -> None:
    arrow = stored.to_arrow(["record_id", "mass", "tags"]).sort_by("record_id")
    polars = stored.to_polars(["record_id", "mass"]).sort("record_id")
    pandas = stored.to_pandas(["record_id", "mass", "tags"]).sort_values("record_id")
    assert arrow["mass"].to_pylist() == polars["mass"].to_list()
    assert [list(mass) for mass in pandas["mass"]] == arrow["mass"].to_pylist()
    assert list(pandas["tags"]) == arrow["tags"].to_pylist() == [[("tenant", "a")]] * COUNT


def test_types_are_the_schemas(stored: archive.Archive) -> None:
    table = stored.to_arrow()
    for field in schema.RECORD:
        assert table.schema.field(field.name).type == field.type, field.name
    assert table.schema.field("date").type == pa.date32()
    assert table.schema.field("hour").type == pa.int32()
    described = rows(stored.sql("select column_name, column_type from (describe samples)"))
    kinds = {row["column_name"]: row["column_type"] for row in described}
    assert kinds["date"] == "DATE"
    assert kinds["hour"] == "INTEGER"
    assert kinds["time"] == "TIMESTAMP WITH TIME ZONE"
    assert kinds["tags"] == "MAP(VARCHAR, VARCHAR)"
    assert kinds["context_share"] == "FLOAT"
    assert stored.to_polars(["time"]).schema["time"] == pl.Datetime("us", "UTC")


def test_what_comes_back_is_what_went_in(stored: archive.Archive, samples: pa.RecordBatch) -> None:
    table = stored.to_arrow().sort_by("record_id")
    for field in schema.RECORD:
        before, after = samples[field.name].to_pylist(), table[field.name].to_pylist()
        if field.name in ("mass", "peak", "self_weight", "previous_weight", "square_sum"):
            np.testing.assert_allclose(after, before, rtol=2**-8, atol=2**-20)
        elif pa.types.is_list(field.type) and field.type.value_type == pa.float32():
            np.testing.assert_allclose(after, before, rtol=2**-11)
        elif field.name in schema.SIGNAL_NAMES:
            assert after == [value and pytest.approx(value, rel=2**-11) for value in before]
        else:
            assert after == before, field.name


def test_a_filter_and_a_folder_of_one_hour(stored: archive.Archive) -> None:
    nine = ds.field("hour") == 9
    assert stored.to_pandas(["record_id"], filter=nine)["record_id"].tolist() == ids(5)[2:]
    assert rows(stored.sql("select count(*) n from samples where hour = 10")) == [{"n": 1}]


def test_layers_have_a_row_for_each_layer(stored: archive.Archive) -> None:
    found = rows(stored.sql("select * from layers order by record_id, layer"))
    assert [row["layer"] for row in found] == LAYERS * COUNT
    assert [row["context_share"] for row in found] == [0.25, None] * COUNT


def test_heads_and_segments_address_what_numpy_addresses(stored: archive.Archive) -> None:
    (sample,) = stored.to_arrow(filter=ds.field("record_id") == "r-2").to_pylist()
    shape = (len(LAYERS), HEADS, len(ROLES))
    mass = np.reshape(sample["mass"], shape)
    argmax = np.reshape(sample["argmax"], shape[:2])
    for row in rows(stored.sql("select * from heads where record_id = 'r-2'")):
        assert row["argmax"] == argmax[LAYERS.index(row["layer"]), row["head"]]
    segments = rows(stored.sql("select * from segments where record_id = 'r-2'"))
    assert len(segments) == mass.size
    for row in segments:
        place = LAYERS.index(row["layer"]), row["head"], row["segment"]
        assert row["mass"] == mass[place]
        assert row["role"] == ROLES[row["segment"]]
        assert row["source"] == ("doc-1" if row["segment"] == 1 else None)
        assert row["start_position"] == sample["segment_start"][row["segment"]]


def test_hours_have_the_percentiles_of_the_samples(stored: archive.Archive) -> None:
    found = rows(stored.sql("select * from hours where route is null order by hour"))
    assert [(row["hour"], row["samples"]) for row in found] == [(8, 1), (9, 2)]
    frame = stored.to_pandas(filter=ds.field("hour") == 9)
    shares = frame[frame["route"].isna()]["context_share"]
    low, high = found[1]["context_share_p10"], found[1]["context_share_p90"]
    assert shares.min() - 1e-3 <= low <= high <= shares.max() + 1e-3
    assert found[1]["document_entropy_p50"] is None


def test_files_with_and_without_per_head_arrays_mix(tmp_path: Path) -> None:
    for per_head in (False, True, False):
        writer = archive.Writer(config.Archive(path=tmp_path, per_head=per_head))
        writer.append(batch(ids(1, str(per_head))))
        writer.close()
    mixed = archive.open(tmp_path)
    assert rows(mixed.sql("select count(*) n, count(distinct record_id) d from heads")) == [
        {"n": len(LAYERS) * HEADS, "d": 1}
    ]
    assert len(mixed.to_pandas()) == 3
    assert mixed.to_polars()["mass"].null_count() == 2


def test_unmeasured_is_null_in_sql_never_a_number(tmp_path: Path) -> None:
    writer = archive.Writer(config.Archive(path=tmp_path))
    good = batch(ids(1))
    column = pa.array([[math.nan] * len(LAYERS) * HEADS], good.schema.field("entropy").type)
    position = good.schema.get_field_index("entropy")
    writer.append(good.set_column(position, good.schema.field(position), column))
    writer.close()
    (row,) = rows(archive.open(tmp_path).sql("select avg(entropy) a, count(*) n from heads"))
    assert row == {"a": None, "n": len(LAYERS) * HEADS}


def test_an_empty_archive_has_empty_views_of_the_same_types(
    tmp_path: Path, stored: archive.Archive
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    nothing = archive.open(empty)
    for view in ("samples", "layers", "heads", "segments", "hours"):
        relation = nothing.sql(f"select * from {view}")
        assert rows(relation) == []
        assert relation.types == stored.sql(f"select * from {view}").types, view
    assert nothing.to_pandas().empty
    assert nothing.to_arrow().schema.equals(COLUMNS)


def test_new_files_show_up_in_an_open_archive(stored: archive.Archive) -> None:
    assert rows(stored.sql("select count(*) n from samples")) == [{"n": COUNT}]
    writer = archive.Writer(config.Archive(path=stored.path))
    writer.append(batch(ids(2, "new"), time=START))
    writer.close()
    assert rows(stored.sql("select count(*) n from samples")) == [{"n": COUNT + 2}]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no archive at '.*nowhere': not a folder"):
        archive.open(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "query",
    ["copy samples to 'out.csv'", "drop view samples", "select 1; select 2", "set threads = 1", ""],
)
def test_sql_only_reads(stored: archive.Archive, query: str) -> None:
    with pytest.raises(ValueError, match="read-only"):
        stored.sql(query)


def test_sql_reads_nothing_but_the_archive(stored: archive.Archive, tmp_path: Path) -> None:
    outside = tmp_path.parent / "outside.csv"
    outside.write_text("a\n1\n")
    with pytest.raises(duckdb.PermissionException):
        stored.sql(f"select * from read_csv('{outside}')").fetchall()


def test_a_path_may_hold_a_quote_but_no_pattern(tmp_path: Path) -> None:
    quoted = tmp_path / "it's"
    writer = archive.Writer(config.Archive(path=quoted))
    writer.append(batch(ids(1)))
    writer.close()
    assert rows(archive.open(quoted).sql("select count(*) n from samples")) == [{"n": 1}]
    pattern = tmp_path / "a[b]"
    pattern.mkdir()
    with pytest.raises(ValueError, match=r"must not hold any of"):
        archive.open(pattern).sql("select 1")
