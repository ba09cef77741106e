"""Batches of records as Kafka messages: a sample each as JSON or Avro, or whole as Arrow."""

from collections.abc import Iterator

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sidecar import archive, config, schema
from sidecar.daemon.sinks.kafka import avro
from sidecar.daemon.sinks.kafka.columns import Column, plain, rows
from sidecar.daemon.sinks.kafka.messages import ARROW, AVRO, FRAMED_AVRO, JSON, Messages

_json = msgspec.json.Encoder()
_JsonRow = msgspec.defstruct("_JsonRow", schema.SCALAR_RECORD.names, gc=False)
"""Takes half of the time of a dictionary."""
_ARCHIVED = pa.schema([field.remove_metadata() for field in schema.RECORD], schema.RECORD.metadata)
"""`schema.RECORD` without its descriptions, which every message would repeat."""
_SCHEMA_BYTES = 16_384
"""More than the schema and the layout of a batch take in a message."""
_OPTIONS = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=1))


def samples(batch: pa.RecordBatch, settings: config.Kafka) -> Messages:
    """A message for each row of `schema.RECORD`, without per-head arrays."""
    columns = plain(batch)
    if settings.format == "avro":
        content_type = AVRO if settings.schema_id is None else FRAMED_AVRO
        values = avro.encode(rows(columns), settings.schema_id)
    else:
        content_type, values = JSON, to_json(columns)
    return Messages(
        content_type=content_type,
        version=schema.SCHEMA_VERSION,
        keys=_keys(batch, settings.key),
        values=values,
        traces=columns["traceparent"],
    )


def to_json(columns: dict[str, Column]) -> list[bytes]:
    """Each row as a JSON object: ``time`` as ISO 8601 in UTC, and null for NaN."""
    moments = np.datetime_as_string(np.array(columns["time"], "datetime64[us]")).tolist()
    written = {**columns, "time": [f"{moment}Z" for moment in moments]}
    return list(map(_json.encode, map(_JsonRow, *written.values())))


def whole(batch: pa.RecordBatch, limit: int) -> Iterator[Messages]:
    """The batch as Arrow IPC streams of one compressed record batch each, below ``limit`` bytes.

    Only a single row may still be larger.
    """
    if batch.nbytes + _SCHEMA_BYTES > limit and len(batch) > 1:
        half = len(batch) // 2
        yield from whole(batch.slice(0, half), limit)
        yield from whole(batch.slice(half), limit)
        return
    yield Messages(
        content_type=ARROW,
        version=schema.SCHEMA_VERSION,
        keys=[None],
        values=[_stream(archive.rounded(batch))],
        traces=[None],
        samples_each=len(batch),
    )


def _stream(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, _ARCHIVED, options=_OPTIONS) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=_ARCHIVED))
    return bytes(sink.getvalue())


def _keys(batch: pa.RecordBatch, key: str) -> list[bytes | None]:
    """Null where a request has no such tag."""
    if key in ("request_id", "route"):
        column = batch.column(key)
    else:
        column = pc.map_lookup(batch.column("tags"), query_key=key, occurrence="first")
    return column.cast(pa.binary()).to_pylist()  # type: ignore[no-any-return]
