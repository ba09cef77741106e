"""The rows of many finished files in few, as they are."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sidecar.archive import layout, origins
from sidecar.archive.candidates import Candidate, Kind, Mask, Unreadable
from sidecar.archive.staging import StagedFile

_WRITER = "merged"
"""In the names of merged files, where others have a host's."""

Rows = tuple[pa.Table, origins.Seconds]
"""Rows, and when each was finished."""


class MergedFile(StagedFile):
    """Takes rows of finished files, which are rounded already."""

    def __init__(self, root: Path, folder: str, kind: Kind) -> None:
        name = f"{layout.unique_name(_WRITER)}.parquet"
        super().__init__(root / folder / name, layout.merged_path(root, folder, name), kind.schema)
        self.schema = kind.schema
        self._per_head = kind.per_head
        self._finished: list[origins.Seconds] = []

    def take(self, rows: Rows) -> None:
        """Keep rows for the next row group. Raises OSError and pa.ArrowException."""
        table, finished = rows
        self._finished.append(finished)
        for batch in table.to_batches():
            self.append(batch, batch.nbytes)

    def complete(self) -> None:
        """Make it durable, and as old as its newest rows. Raises OSError."""
        metadata, newest = origins.metadata(self._finished)
        self.seal(metadata)
        if (found := pq.read_metadata(self.staged).num_rows) != self.rows:
            raise OSError(f"{self.staged} has {found} rows, expected {self.rows}")
        os.utime(self.staged, (newest, newest))

    def _table(self, batches: list[pa.RecordBatch]) -> pa.Table:
        return pa.Table.from_batches(batches, self.schema).combine_chunks()


def merge(
    root: Path, folder: str, kind: Kind, rows: Iterable[Rows], enough: int
) -> Iterator[MergedFile]:
    """Files of at least ``enough`` bytes, but the last; each is told before it takes a row.

    Raises OSError and pa.ArrowException, and what ``rows`` does.
    """
    file: MergedFile | None = None
    for some in rows:
        if file is None:
            file = MergedFile(root, folder, kind)
            yield file
        file.take(some)
        if file.written >= enough:
            file.complete()
            file = None
    if file:
        file.complete()


def chosen_rows(one: Candidate, chosen: Mask) -> Iterator[Rows]:
    """Those rows of a file, a row group at a time. Raises Unreadable."""
    try:
        with pq.ParquetFile(one.path) as opened:
            finished = origins.finished(one.path, opened.metadata)
            start = 0
            for number in range(opened.num_row_groups):
                table = opened.read_row_group(number)
                part = slice(start, start + len(table))
                start = part.stop
                if chosen[part].any():
                    yield table.filter(pa.array(chosen[part])), finished[part][chosen[part]]
    except (OSError, pa.ArrowException) as error:
        raise Unreadable(one.path, error) from None
