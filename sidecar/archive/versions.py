"""Files and batches of other versions of the schema: earlier ones lack what came later."""

import os
from pathlib import Path

import pyarrow as pa

from sidecar.schema import RECORD, SCHEMA_VERSION, VERSION_KEY, check

_FOOTER_BYTES = 1 << 16
"""The end of a file, in which its metadata is."""

_CURRENT = VERSION_KEY + b"\x18\x01" + RECORD.metadata[VERSION_KEY]
"""Key and value as the footer has them (Thrift: second field, a string of one byte)."""


class LaterVersion(Exception):
    """A batch of a version that this program does not know yet."""


def upgraded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch of `RECORD`; columns that one of an earlier version lacks are null.

    Raises LaterVersion, and SchemaMismatch for what is no record of any version.
    """
    written = (batch.schema.metadata or {}).get(VERSION_KEY, b"")
    version = int(written) if written.isdigit() else 0
    if version > SCHEMA_VERSION:
        raise LaterVersion(f"schema version {version}, known are those up to {SCHEMA_VERSION}")
    if 0 < version < SCHEMA_VERSION:
        batch = _with_nulls(batch)
    check(batch, RECORD)
    return batch


def _with_nulls(batch: pa.RecordBatch) -> pa.RecordBatch:
    for field in RECORD:
        if field.nullable and field.name not in batch.schema.names:
            batch = batch.append_column(field, pa.nulls(len(batch), field.type))
    return batch.replace_schema_metadata(RECORD.metadata)


def is_current(file: Path) -> bool:
    """Whether a file is known to have all columns; costs some 40 µs, a whole footer a millisecond.

    A file of which this cannot be told, such as one that another program wrote, is not current.
    """
    with file.open("rb") as opened:
        size = opened.seek(0, os.SEEK_END)
        opened.seek(max(0, size - _FOOTER_BYTES))
        return _CURRENT in opened.read()
