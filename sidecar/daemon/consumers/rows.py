"""A sample's columns as plain values, the same from JSON and from Avro."""

import math
import struct
from datetime import UTC
from typing import Any

import msgspec
import pyarrow as pa

from sidecar import schema
from sidecar.daemon.sinks.kafka import avro

Row = dict[str, Any]
"""The columns of `schema.SCALAR_RECORD`; ``time`` is ISO 8601 in UTC, not measured is None."""

_TYPES: dict[pa.DataType, Any] = {
    pa.string(): str,
    pa.int16(): int,
    pa.int32(): int,
    pa.int64(): int,
    pa.float32(): float,
    pa.bool_(): bool,
    pa.timestamp("us", tz="UTC"): str,
    pa.map_(pa.string(), pa.string()): dict[str, str],
    pa.list_(pa.string()): list[str],
    pa.list_(pa.int16()): list[int],
    pa.list_(pa.int32()): list[int],
    pa.list_(pa.float32()): list[float | None],
}


def from_json(value: bytes) -> Row:
    """Raises ValueError when a column is missing or of another type."""
    return msgspec.structs.asdict(_decoder.decode(value))


def from_avro(value: bytes, *, framed: bool) -> Row:
    """``framed`` when it begins with the header of a schema registry. Raises ValueError."""
    try:
        row = avro.decode(value, framed=framed)
        moment = row["time"].astimezone(UTC).isoformat(timespec="microseconds")
    except (
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        TypeError,
        struct.error,
    ) as error:
        raise ValueError(f"not a sample: {error!r}") from None
    plain = {name: _plain(value) for name, value in row.items()}
    return {**plain, "time": moment.replace("+00:00", "Z")}


def _plain(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _type(field: pa.Field) -> Any:
    return _TYPES[field.type] | None if field.nullable else _TYPES[field.type]


_decoder = msgspec.json.Decoder(
    msgspec.defstruct("Sample", [(field.name, _type(field)) for field in schema.SCALAR_RECORD])
)
