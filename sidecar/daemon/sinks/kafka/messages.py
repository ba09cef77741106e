"""What one topic is sent together, and the bytes in which it waits on disk."""

from collections.abc import Iterable

import msgspec

JSON = "application/json"
AVRO = "avro/binary"
FRAMED_AVRO = "avro/confluent"
"""Avro after the five bytes that a schema registry's clients expect."""
ARROW = "application/vnd.apache.arrow.stream"

Headers = list[tuple[str, bytes]]


class Messages(msgspec.Struct, frozen=True):
    """Kafka records of one kind, ready to be sent."""

    content_type: str
    version: int
    """Of the schema of what is inside."""
    keys: list[bytes | None]
    values: list[bytes]
    traces: list[str | None]
    """The caller's `traceparent` of each."""
    samples_each: int = 1

    @property
    def samples(self) -> int:
        """Samples in all of them."""
        return self.samples_each * len(self.values)

    @property
    def size(self) -> int:
        """Bytes of keys and values."""
        return sum(map(len, self.values)) + sum(len(key) for key in self.keys if key)

    def headers(self) -> list[Headers]:
        """Of each record: schema version, content type and, where there is one, `traceparent`."""
        common: Headers = [
            ("schema-version", str(self.version).encode()),
            ("content-type", self.content_type.encode()),
        ]
        return [
            [*common, ("traceparent", trace.encode())] if trace else common for trace in self.traces
        ]

    def only(self, rows: Iterable[int]) -> "Messages":
        """Those of some rows."""
        chosen = list(rows)
        return msgspec.structs.replace(
            self,
            keys=[self.keys[row] for row in chosen],
            values=[self.values[row] for row in chosen],
            traces=[self.traces[row] for row in chosen],
        )

    def within(self, limit: int) -> "Messages":
        """Those whose values have at most ``limit`` bytes."""
        if all(len(value) <= limit for value in self.values):
            return self
        return self.only(row for row, value in enumerate(self.values) if len(value) <= limit)

    def halves(self) -> "tuple[Messages, Messages]":
        """The first and the second half of two or more."""
        count = len(self.values)
        return self.only(range(count // 2)), self.only(range(count // 2, count))


class Unreadable(ValueError):
    """Bytes that `pack` did not write."""


def pack(messages: Messages) -> bytes:
    """Bytes that `unpack` reads."""
    return _encoder.encode(messages)


def unpack(payload: bytes) -> Messages:
    """The opposite of `pack`. Raises Unreadable."""
    try:
        return _decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise Unreadable(f"not a batch of messages: {error}") from None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Messages)
