"""Samples as Kafka has them, JSON or Avro, and as batches of `schema.RECORD` again."""

import struct
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa

from sidecar import schema
from sidecar.daemon.sinks.kafka import avro
from sidecar.daemon.sinks.kafka.messages import AVRO, FRAMED_AVRO, JSON, Unreadable

Row = dict[str, Any]

REASONS = ("unreadable", "version", "schema")
"""Why a record is left out: not JSON or Avro of ours, another version, columns that are not its."""
_BROKEN = (
    AttributeError,
    EOFError,
    LookupError,
    OverflowError,
    TypeError,
    ValueError,
    struct.error,
)
_NEEDED = tuple(field.name for field in schema.SCALAR_RECORD if not field.nullable)
_VERSION = str(schema.SCHEMA_VERSION).encode()
_SCALARS = tuple(schema.SCALAR_RECORD)


def decode(record: Any) -> Row:
    """The columns of one Kafka record. Raises Unreadable."""
    kind = dict(record.headers).get("content-type", b"").decode(errors="replace")
    try:
        if kind == JSON:
            return msgspec.json.decode(record.value, type=dict[str, Any])
        if kind in (AVRO, FRAMED_AVRO):
            return avro.decode(record.value, framed=kind == FRAMED_AVRO)
    except _BROKEN as error:
        raise Unreadable(f"{kind} at offset {record.offset}: {error}") from None
    raise Unreadable(f"content type {kind!r} at offset {record.offset}")


def batch_of(records: Iterable[Any]) -> tuple[pa.RecordBatch, Counter[str]]:
    """Kafka records as `schema.RECORD`, per-head columns null; and those left out, by reason."""
    rows, refused = [], Counter[str]()
    for record in records:
        reason, row = _read(record)
        if reason:
            refused[reason] += 1
        else:
            rows.append(row)
    try:
        return _batch(rows), refused
    except _BROKEN:
        good = [row for row in rows if _fits(row)]
        refused["schema"] += len(rows) - len(good)
        return _batch(good), refused


def _read(record: Any) -> tuple[str, Row]:
    """Why a record is left out, empty when it is not; and its row."""
    if dict(record.headers).get("schema-version") != _VERSION:
        return "version", {}
    try:
        row = decode(record)
    except Unreadable:
        return "unreadable", {}
    return ("schema" if any(row.get(name) is None for name in _NEEDED) else ""), row


def _fits(row: Row) -> bool:
    try:
        _batch([row])
    except _BROKEN:
        return False
    return True


def _batch(rows: list[Row]) -> pa.RecordBatch:
    """Raises one of `_BROKEN`: Arrow's own errors are among them."""
    columns = [pa.array([_value(row, field) for row in rows], field.type) for field in _SCALARS]
    heads = [pa.nulls(len(rows), field.type) for field in schema.HEADS]
    return pa.RecordBatch.from_arrays([*columns, *heads], schema=schema.RECORD)


def _value(row: Row, field: pa.Field) -> Any:
    value = row.get(field.name)
    if field.name == "tags":
        return list(value.items())  # type: ignore[union-attr]
    if field.name == "time" and isinstance(value, str):
        return datetime.fromisoformat(value)
    return value
