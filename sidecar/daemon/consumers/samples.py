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
_BROKEN = (OverflowError, TypeError, ValueError)
_VERSION = str(schema.SCHEMA_VERSION)
_SCALARS = tuple(schema.SCALAR_RECORD)


class Foreign(Unreadable):
    """A record that is left out, and the one of `REASONS` why."""

    def __init__(self, record: Any, reason: str, fault: object) -> None:
        super().__init__(f"partition {record.partition}, offset {record.offset}: {fault}")
        self.reason = reason


def decode(record: Any) -> Row:
    """The columns of one Kafka record. Raises Foreign."""
    headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    kind, version = headers.get("content-type"), headers.get("schema-version")
    if version != _VERSION:
        raise Foreign(record, "version", f"schema version {version!r}, expected {_VERSION}")
    try:
        if kind == JSON:
            return rows.from_json(record.value or b"")
        if kind in (AVRO, FRAMED_AVRO):
            return rows.from_avro(record.value or b"", framed=kind == FRAMED_AVRO)
    except msgspec.ValidationError as error:
        raise Foreign(record, "schema", error) from None
    except ValueError as error:
        raise Foreign(record, "unreadable", error) from None
    raise Foreign(record, "unreadable", f"content type {kind!r}")


def batch_of(records: Iterable[Any]) -> tuple[pa.RecordBatch, Counter[str]]:
    """Kafka records as `schema.RECORD`, per-head columns null; and those left out, by reason."""
    found, refused = [], Counter[str]()
    for record in records:
        try:
            found.append(decode(record))
        except Foreign as error:
            refused[error.reason] += 1
    try:
        return _batch(found), refused
    except _BROKEN:
        good = [row for row in found if _fits(row)]
        refused["schema"] += len(found) - len(good)
        return _batch(good), refused


def _fits(row: Row) -> bool:
    try:
        _batch([row])
    except _BROKEN:
        return False
    return True


def _batch(found: list[Row]) -> pa.RecordBatch:
    """Raises one of `_BROKEN`: Arrow's own errors are among them."""
    columns = [pa.array([_value(row, field) for row in found], field.type) for field in _SCALARS]
    heads = [pa.nulls(len(found), field.type) for field in schema.HEADS]
    return pa.RecordBatch.from_arrays([*columns, *heads], schema=schema.RECORD)


def _value(row: Row, field: pa.Field) -> Any:
    value = row[field.name]
    if field.name == "tags":
        return list(value.items())
    if field.name == "time":
        return datetime.fromisoformat(value)
    return value
