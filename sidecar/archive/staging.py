"""A Parquet file under way: row groups go to a staged name, and finishing makes it appear whole."""

import os
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sidecar.archive.precision import is_float, round_column
from sidecar.schema import HEADS

ROW_GROUP_BYTES = 16 << 20
"""Uncompressed bytes that wait in memory before they are written."""

_PAGE_BYTES = 8 << 20
"""With smaller pages a compressed block mixes byte planes, and packs worse."""

_HEADS = frozenset(field.name for field in HEADS)
_REPETITIVE = frozenset({pa.string(), pa.int16(), pa.int32(), pa.bool_()})
_UNIQUE = frozenset({"record_id"})


class StagedFile:
    """Takes batches of one schema and rounds them; memory stays within one row group or two."""

    def __init__(self, final: Path, staged: Path, schema: pa.Schema) -> None:
        self.final = final
        self.staged = staged
        self.schema = stored(schema)
        self.rows = 0
        self._per_head = not _HEADS.isdisjoint(schema.names)
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self._file: pa.OSFile | None = None
        self._writer: pq.ParquetWriter | None = None

    @property
    def written(self) -> int:
        """Bytes of the row groups so far."""
        return self._file.tell() if self._file else 0

    def append(self, batch: pa.RecordBatch, size: int) -> None:
        """Keep a batch of ``size`` bytes for the next row group.

        Raises OSError or pa.ArrowException.
        """
        self._waiting.append(batch)
        self._waiting_bytes += size
        self.rows += len(batch)
        if self._waiting_bytes >= ROW_GROUP_BYTES:
            self._write_row_group()

    def finish(self) -> None:
        """Write the rest and let the file appear under its final name, durably."""
        self.seal()
        self.final.parent.mkdir(parents=True, exist_ok=True)
        self.staged.rename(self.final)
        for folder in self.final.parents[:3]:
            fsync(folder)

    def seal(self, metadata: dict[bytes, bytes] | None = None) -> None:
        """Write the rest, durably; the file stays where readers do not see it."""
        self._write_row_group()
        assert self._writer is not None
        assert self._file is not None
        if metadata:
            self._writer.add_key_value_metadata(metadata)
        self._writer.close()
        self._file.close()
        fsync(self.staged)

    def discard(self) -> None:
        """Forget the file; its rows are still in the journal."""
        self._waiting.clear()
        if self._writer is not None:
            self._writer.is_open = False
        with suppress(OSError):
            if self._file is not None:
                self._file.close()
            self.staged.unlink(missing_ok=True)

    def _write_row_group(self) -> None:
        if self._writer is None:
            self._file = pa.OSFile(str(self.staged), "wb")
            self._writer = pq.ParquetWriter(
                self._file, self.schema, **_options(self.schema, per_head=self._per_head)
            )
        if self._waiting:
            table = self._table(self._waiting)
            self._writer.write_table(table, row_group_size=len(table))
        self._waiting.clear()
        self._waiting_bytes = 0

    def _table(self, batches: list[pa.RecordBatch]) -> pa.Table:
        """A row group of what has waited, as it is to be stored."""
        return _rounded(batches, self.schema)


def stored(schema: pa.Schema) -> pa.Schema:
    """Schema of the files made from batches of ``schema``: the same for every file of an archive.

    Per-head columns are there even when they are not kept, as nulls, so that readers can take all
    files of an archive for one table. Descriptions are left out: every file would repeat them.
    """
    kept = [field for field in schema if field.name not in _HEADS]
    heads = [field.with_nullable(True) for field in HEADS]
    return pa.schema([field.remove_metadata() for field in [*kept, *heads]], schema.metadata)


def _rounded(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    """One table of one chunk."""
    table = pa.Table.from_batches(batches).combine_chunks()
    columns = dict(zip(table.column_names, table.columns, strict=True))
    arrays = [
        round_column(field.name, columns[field.name].chunk(0))
        if field.name in columns
        else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def fsync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _options(schema: pa.Schema, *, per_head: bool) -> dict[str, object]:
    """Settings of the Parquet writer.

    Rounded floats are split into byte planes, without a dictionary. Row groups without per-head
    arrays have so many rows that signals repeat: a dictionary is then smaller and faster to read.
    """
    leaves = {leaf: field for field in schema for leaf in _leaves(field)}
    floats = {leaf for leaf, field in leaves.items() if is_float(field.type)}
    repetitive = {leaf for leaf, field in leaves.items() if _is_repetitive(field)}
    return {
        "compression": "zstd",
        "compression_level": 1,
        "data_page_size": _PAGE_BYTES,
        "use_byte_stream_split": sorted(floats) if per_head else False,
        "use_dictionary": sorted(repetitive if per_head else repetitive | floats),
        "write_statistics": [f.name for f in schema if not pa.types.is_nested(f.type)],
    }


def _leaves(field: pa.Field) -> list[str]:
    """Parquet's names of a column's leaves."""
    if pa.types.is_map(field.type):
        return [f"{field.name}.key_value.key", f"{field.name}.key_value.value"]
    if pa.types.is_list(field.type):
        return [f"{field.name}.list.element"]
    return [field.name]


def _is_repetitive(field: pa.Field) -> bool:
    kind = field.type.value_type if pa.types.is_list(field.type) else field.type
    return field.name not in _UNIQUE and (pa.types.is_map(kind) or kind in _REPETITIVE)
