"""What a compaction cannot merge, or must not yet, is left as it is and named."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sidecar import archive, config
from sidecar.archive.compaction import Compaction
from sidecar.archive.steps import Left, Merged
from tests.archive.many_files import (
    EIGHT,
    ENOUGH,
    PAST,
    compact,
    found_by_others,
    leftovers,
    parquet,
)
from tests.archive.samples import batch, ids


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
