"""Which finished files of an hour can become one, and which of their rows are kept."""

from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sidecar.schema import SCHEMA_VERSION, VERSION_KEY

_ID = pa.field("record_id", pa.string(), nullable=False)

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
    if _ID not in schema:
        raise Unreadable(file, f"fields should have {_ID}, are {', '.join(schema.names)}")
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
    digests = np.concatenate([_digests(one) for one in files])
    order = np.lexsort((digests[:, 0], digests[:, 1]))  # which keeps rows of the same id in order
    ends_here = np.ones(len(order), np.bool_)
    ends_here[:-1] = (np.diff(digests[order], axis=0) != 0).any(axis=1)
    kept = np.zeros(len(order), np.bool_)
    kept[order[ends_here]] = True
    ends = np.cumsum([one.rows for one in files])
    return dict(zip([one.path for one in files], np.split(kept, ends[:-1]), strict=True))


def _digests(one: Candidate) -> npt.NDArray[np.uint64]:
    """``[rows, 2]``: 128 bits of each record id, of which no two are ever alike by chance."""
    found = bytearray()
    try:
        with pq.ParquetFile(one.path) as opened:
            for batch in opened.iter_batches(columns=["record_id"]):
                for record in batch.column(0).to_pylist():
                    found += blake2b(record.encode(), digest_size=16).digest()
    except (OSError, pa.ArrowException) as error:
        raise Unreadable(one.path, error) from None
    return np.frombuffer(bytes(found), np.uint64).reshape(-1, 2)


def _is_per_head(footer: Any) -> bool:
    """Whether it was written as files with per-head arrays are."""
    if not footer.num_row_groups:
        return False
    group = footer.row_group(0)
    columns = map(group.column, range(group.num_columns))
    return any("BYTE_STREAM_SPLIT" in column.encodings for column in columns)
