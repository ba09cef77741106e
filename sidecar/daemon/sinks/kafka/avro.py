"""Samples as Avro, with a schema made from `schema.SCALAR_RECORD`."""

from collections.abc import Iterable
from functools import cache
from io import BytesIO
from typing import Any

import fastavro
import pyarrow as pa

from sidecar import schema

_SCALARS: dict[pa.DataType, Any] = {
    pa.string(): "string",
    pa.int16(): "int",
    pa.int32(): "int",
    pa.int64(): "long",
    pa.float32(): "float",
    pa.bool_(): "boolean",
    pa.timestamp("us", tz="UTC"): {"type": "long", "logicalType": "timestamp-micros"},
}


def avro_schema() -> dict[str, Any]:
    """The Avro schema of a sample."""
    return {
        "type": "record",
        "name": "Sample",
        "namespace": "attention",
        "doc": f"One sampled decode step of one request; version {schema.SCHEMA_VERSION}.",
        "fields": [_field(field) for field in schema.SCALAR_RECORD],
    }


def encode(rows: Iterable[dict[str, Any]], schema_id: int | None = None) -> list[bytes]:
    """Each row as Avro binary, after the header of a schema registry if there is an id."""
    start = b"" if schema_id is None else b"\0" + schema_id.to_bytes(4, "big")
    parsed, write = _parsed(), fastavro.schemaless_writer
    values = []
    for row in rows:
        out = BytesIO()
        out.write(start)
        write(out, parsed, row)
        values.append(out.getvalue())
    return values


def decode(value: bytes, *, framed: bool) -> dict[str, Any]:
    """A row; ``framed`` when it begins with the header of a schema registry."""
    row = fastavro.schemaless_reader(BytesIO(value[5 if framed else 0 :]), _parsed(), None)
    assert isinstance(row, dict)
    return row


@cache
def _parsed() -> Any:
    return fastavro.parse_schema(avro_schema())


def _field(field: pa.Field) -> dict[str, Any]:
    kind = _kind(field.type)
    found = {"name": field.name, "type": kind, "doc": field.metadata[b"doc"].decode()}
    return {**found, "type": ["null", kind], "default": None} if field.nullable else found


def _kind(kind: pa.DataType) -> Any:
    if pa.types.is_map(kind):
        return {"type": "map", "values": _kind(kind.item_type)}
    if pa.types.is_list(kind):
        return {"type": "array", "items": _kind(kind.value_type)}
    return _SCALARS[kind]
