"""Samples as Kafka has them, JSON or Avro, and as batches of `schema.RECORD` again."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa

from sidecar import schema
from sidecar.daemon.consumers import rows
from sidecar.daemon.consumers.rows import Row
from sidecar.daemon.sinks.kafka.messages import AVRO, FRAMED_AVRO, JSON, Unreadable

REASONS = ("unreadable", "version", "schema")
"""Why a record is left out: not JSON or Avro of ours, another version, columns that are not its."""
_UNFIT = (TypeError, ValueError, OverflowError)
_SCALARS = tuple(schema.SCALAR_RECORD)


class NoSample(Unreadable):
    """A record that is none of ours, and why: one of `REASONS`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def decode(record: Any) -> Row:
    """The columns of one Kafka record. Raises NoSample."""
    where = f"partition {record.partition}, offset {record.offset}"
    headers = {name: value or b"" for name, value in record.headers}
    version = headers.get("schema-version", b"").decode(errors="replace")
    kind = headers.get("content-type", b"").decode(errors="replace")
    if kind not in (JSON, AVRO, FRAMED_AVRO):
        raise NoSample("unreadable", f"{where}: content type {kind!r}")
    if version != str(schema.SCHEMA_VERSION):
        wanted = schema.SCHEMA_VERSION
        raise NoSample("version", f"{where}: schema version {version!r}, expected {wanted}")
    if record.value is None:
        raise NoSample("unreadable", f"{where}: no value")
    try:
        if kind == JSON:
            return rows.from_json(record.value)
        return rows.from_avro(record.value, framed=kind == FRAMED_AVRO)
    except msgspec.ValidationError as error:
        raise NoSample("schema", f"{where}: {error}") from None
    except ValueError as error:
        raise NoSample("unreadable", f"{where}: {error}") from None


def batch_of(records: Iterable[Any]) -> tuple[pa.RecordBatch, Counter[str]]:
    """Kafka records as `schema.RECORD`, per-head columns null; and those left out, by reason."""
    found, refused = [], Counter[str]()
    for record in records:
        try:
            found.append(decode(record))
        except NoSample as error:
            refused[error.reason] += 1
    try:
        return _batch(found), refused
    except _UNFIT:
        good = [row for row in found if _fits(row)]
        refused["schema"] += len(found) - len(good)
        return _batch(good), refused


def _fits(row: Row) -> bool:
    try:
        _batch([row])
    except _UNFIT:
        return False
    return True


def _batch(rows: list[Row]) -> pa.RecordBatch:
    """Raises one of `_UNFIT`: Arrow's own errors are among them."""
    columns = [pa.array([_value(row, field) for row in rows], field.type) for field in _SCALARS]
    heads = [pa.nulls(len(rows), field.type) for field in schema.HEADS]
    return pa.RecordBatch.from_arrays([*columns, *heads], schema=schema.RECORD)


def _value(row: Row, field: pa.Field) -> Any:
    value = row[field.name]
    if field.name == "tags":
        return list(value.items())
    return datetime.fromisoformat(value) if field.name == "time" else value
