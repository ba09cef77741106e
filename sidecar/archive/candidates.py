"""Which finished files of an hour can become one, and which of their rows are kept."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sidecar.schema import SCHEMA_VERSION, VERSION_KEY

Mask = npt.NDArray[np.bool_]


class Unreadable(Exception):
    """A file is none of the archive's, or damaged."""

    def __init__(self, file: Path, why: object) -> None:
        super().__init__(" ".join(str(why).split()))
        self.file = file


@dataclass(frozen=True)
class Kind:
    """Files of one kind can become one file."""

    per_head: bool
    version: int
    schema: pa.Schema


@dataclass(frozen=True)
class Candidate:
    """A finished file."""

    path: Path
    kind: Kind
    rows: int
    size: int
    finished: float


def candidate(file: Path) -> Candidate:
    """Look at a file's footer. Raises Unreadable."""
    try:
        footer, stat = pq.read_metadata(file), file.stat()
        schema = footer.schema.to_arrow_schema()
    except (OSError, pa.ArrowException) as error:
        raise Unreadable(file, error) from None
    written = (schema.metadata or {}).get(VERSION_KEY, b"")
    version = int(written) if written.isdigit() else 0
    if not 0 < version <= SCHEMA_VERSION:
        raise Unreadable(file, f"schema version {version}, known are 1 to {SCHEMA_VERSION}")
    kind = Kind(_is_per_head(footer), version, schema)
    return Candidate(file, kind, footer.num_rows, stat.st_size, stat.st_mtime)


def in_order(files: list[Candidate], small: int) -> list[Candidate]:
    """Those of a kind side by side; of a row that is in two, the later here is worth more.

    That is the one with more columns, in a file that stays, finished later.
    """

    def rank(one: Candidate) -> tuple[Any, ...]:
        kind = one.kind
        return kind.per_head, kind.version, str(kind.schema), one.size >= small, one.finished

    return sorted(files, key=rank)


def worth_merging(files: list[Candidate], small: int) -> list[Candidate]:
    """Files of less than ``small`` bytes that are not the only ones of their kind."""
    chosen = [one for one in files if one.size < small]
    kinds = Counter(one.kind for one in chosen)
    return [one for one in chosen if kinds[one.kind] > 1]


def last_of_each(files: list[Candidate]) -> dict[Path, Mask]:
    """Of each file ``[rows]``: whether none of the later rows has the same record id.

    Raises Unreadable.
    """
    ids = pa.chunked_array([chunk for one in files for chunk in _ids(one)], pa.large_string())
    table = pa.table({"id": ids, "row": np.arange(len(ids))})
    last = table.group_by("id").aggregate([("row", "max")])["row_max"]
    kept = np.zeros(len(ids), np.bool_)
    kept[last.to_numpy()] = True
    ends = np.cumsum([one.rows for one in files])
    return dict(zip([one.path for one in files], np.split(kept, ends[:-1]), strict=True))


def _ids(one: Candidate) -> list[pa.Array]:
    try:
        ids = pq.read_table(one.path, columns=["record_id"], partitioning=None).column(0)
    except (OSError, pa.ArrowException, IndexError) as error:
        raise Unreadable(one.path, error) from None
    if ids.null_count:
        raise Unreadable(one.path, f"field 'record_id' holds {ids.null_count} nulls")
    chunks: list[pa.Array] = ids.cast(pa.large_string()).chunks
    return chunks


def _is_per_head(footer: Any) -> bool:
    """Whether it was written as files with per-head arrays are."""
    if not footer.num_row_groups:
        return False
    group = footer.row_group(0)
    columns = map(group.column, range(group.num_columns))
    return any("BYTE_STREAM_SPLIT" in column.encodings for column in columns)
