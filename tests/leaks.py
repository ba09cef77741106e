"""Every text in what was stored and sent, decoded: compressed bytes hide what is in them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sidecar import wire
from sidecar.daemon.sinks.kafka.messages import ARROW, unpack
from sidecar.daemon.sinks.kafka.segment import FileSegment


def in_file(file: Path) -> bytes:
    """All bytes of a file, and all text in it, in columns of lists and maps too."""
    decoders = {".parquet": _parquet, ".arrows": _journal, ".frames": _spill}
    decode = decoders.get(file.suffix)
    return b"\n".join([file.read_bytes(), *(decode(file) if decode else ())])


def in_message(value: bytes, content_type: str) -> bytes:
    """The same of a Kafka record's value."""
    return value + _text(wire.decode_batch(value)) if content_type == ARROW else value


def _parquet(file: Path) -> Iterator[bytes]:
    yield _text(pq.read_table(file, partitioning=None))


def _journal(file: Path) -> Iterator[bytes]:
    """Up to the first batch that is not whole."""
    content = file.read_bytes()
    try:
        with pa.ipc.open_stream(content) as reader:
            yield from map(_text, reader)
    except (pa.ArrowInvalid, OSError):
        return


def _spill(file: Path) -> Iterator[bytes]:
    """Of all frames, acknowledged or not; the file is left as it is."""
    segment = FileSegment(file.parent, int(file.stem))
    try:
        while (frame := segment.next()) is not None:
            messages = unpack(frame.payload)
            yield from (in_message(value, messages.content_type) for value in messages.values)
    finally:
        segment.close()


def _text(rows: pa.Table | pa.RecordBatch) -> bytes:
    columns: Iterable[pa.ChunkedArray | pa.Array] = rows.columns
    return "\n".join(
        str(column.to_pylist()) for column in columns if _has_text(column.type)
    ).encode()


def _has_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or any(
        _has_text(kind.field(number).type) for number in range(kind.num_fields)
    )
