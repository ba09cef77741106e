"""Files of an earlier version are read beside newer ones; what they lack is null."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pytest

from sidecar import archive, config, schema
from sidecar.archive.staging import StagedFile
from sidecar.archive.versions import is_current
from tests.archive.samples import HOUR, START, batch, ids

ADDED = ["calibrated_context_share", "retrieval_rate", "grounding_score"]
VERSION_1 = pa.schema(
    [field for field in schema.RECORD if field.name not in ADDED], {schema.VERSION_KEY: b"1"}
)


def write_old(folder: Path, names: Iterable[str], *, time: int = START, hour: int = 8) -> Path:
    """A file as the first version wrote it."""
    rows = batch(names, time=time).select(VERSION_1.names).cast(VERSION_1)
    final = folder / f"date=2026-11-23/hour={hour}/old.parquet"
    file = StagedFile(final, folder / "old.staged", VERSION_1)
    file.append(rows, rows.nbytes)
    file.finish()
    return final


def write_new(folder: Path, names: Iterable[str], *, time: int = START) -> None:
    writer = archive.Writer(config.Archive(path=folder))
    writer.append(batch(names, time=time))
    writer.close()


def names_and_scores(folder: Path) -> list[tuple[str, bool, float]]:
    query = "select record_id, grounding_score is null, context_share from samples order by 1"
    found: list[tuple[str, bool, float]] = archive.open(folder).sql(query).fetchall()
    return found


def test_old_files_alone_have_nulls_in_the_new_columns(tmp_path: Path) -> None:
    assert not is_current(write_old(tmp_path, ids(3)))
    opened = archive.open(tmp_path)
    assert [row[:2] for row in names_and_scores(tmp_path)] == [(name, True) for name in ids(3)]
    assert all(row[2] is not None for row in names_and_scores(tmp_path))
    for name in ADDED:
        assert opened.to_arrow([name])[name].null_count == 3
        assert opened.to_polars([name])[name].null_count() == 3
        assert opened.to_pandas([name])[name].isna().all()
    [hour] = opened.sql(
        "select samples, grounding_score_p50, copy_rate_p50 from hours where route = 'rag'"
    ).fetchall()
    assert hour[:2] == (1, None)
    assert hour[2] is not None


@pytest.mark.parametrize("later", [False, True])
def test_old_and_new_files_are_one_archive(tmp_path: Path, later: bool) -> None:
    """Whichever comes first."""
    write_old(tmp_path, ids(2, "old"), time=START + later * HOUR, hour=9 if later else 8)
    write_new(tmp_path, ids(2, "new"), time=START + (not later) * HOUR)
    assert all(
        is_current(file) == ("old" not in file.name) for file in archive.open(tmp_path).files
    )
    assert [row[:2] for row in names_and_scores(tmp_path)] == [
        *[(name, False) for name in ids(2, "new")],
        *[(name, True) for name in ids(2, "old")],
    ]
    opened = archive.open(tmp_path)
    assert opened.to_arrow(["grounding_score"])["grounding_score"].null_count == 2
    assert opened.sql("select count(*) from heads").fetchall() == [(4 * 2 * 4,)]
    assert opened.sql("select count(*) from segments where hour = 9").fetchall() == [(2 * 24,)]


def test_a_file_of_another_program_is_not_taken_for_a_current_one(tmp_path: Path) -> None:
    file = tmp_path / "date=2026-11-23/hour=8/other.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"PAR1")
    assert not is_current(file)


def test_a_batch_of_an_earlier_version_gets_nulls() -> None:
    found = archive.upgraded(batch(ids(2)).select(VERSION_1.names).cast(VERSION_1))
    schema.check(found, schema.RECORD)
    assert [found.column(name).null_count for name in ADDED] == [2, 2, 2]


def test_a_batch_of_a_later_version_is_not_guessed_at() -> None:
    later = batch(ids(2)).replace_schema_metadata({schema.VERSION_KEY: b"3"})
    with pytest.raises(archive.LaterVersion, match="schema version 3, known are those up to 2"):
        archive.upgraded(later)


@pytest.mark.parametrize("version", [b"1", b"2", b"0", b"-1", b"x", b""])
def test_a_batch_that_lacks_what_every_version_has_is_refused(version: bytes) -> None:
    lacking = batch(ids(2)).drop_columns(["layers"])
    with pytest.raises(schema.SchemaMismatch):
        archive.upgraded(lacking.replace_schema_metadata({schema.VERSION_KEY: version}))
