"""What one topic is sent together, and the bytes in which it waits on disk."""

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
