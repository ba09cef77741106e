"""The Parquet archive: a crash-safe writer, and a reader for DuckDB, pyarrow, pandas and polars."""

from sidecar.archive.failures import QueryFailed, in_a_line
from sidecar.archive.origins import latest_ids
from sidecar.archive.precision import rounded
from sidecar.archive.reading import Archive, steadily
from sidecar.archive.reading import open_archive as open  # noqa: A004
from sidecar.archive.versions import LaterVersion, upgraded
from sidecar.archive.writer import Counts, StorageError, Writer

__all__ = [
    "Archive",
    "Counts",
    "LaterVersion",
    "QueryFailed",
    "StorageError",
    "Writer",
    "in_a_line",
    "latest_ids",
    "open",
    "rounded",
    "steadily",
    "upgraded",
]
