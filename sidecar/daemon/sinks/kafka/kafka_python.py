"""The client on kafka-python."""

from collections import deque
from contextlib import suppress
from typing import Any

from kafka import KafkaProducer
from kafka.errors import (
    InvalidRecordError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from sidecar import config
from sidecar.daemon.sinks.kafka.client import DELIVERY_SECONDS, REQUEST_SECONDS, Away, Refused
from sidecar.daemon.sinks.kafka.connection import opened, require
from sidecar.daemon.sinks.kafka.messages import Messages
from sidecar.daemon.sinks.kafka.partitions import Partitions

_REFUSALS = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidRecordError,
    InvalidTimestampError,
)
_BATCH_BYTES = 256 << 10
_LINGER_MS = 20


class Futures:
    """Records handed to the producer."""

    def __init__(self, futures: "deque[Any]") -> None:
        self._futures = futures

    def done(self) -> bool:
        """See `client.Delivery`."""
        futures = self._futures
        while futures and futures[0].is_done:
            error = futures[0].exception
            if error is not None:
                raise _failure(error) from error
            futures.popleft()
        return not futures


class KafkaPythonClient:
    """See `client.Client`."""

    def __init__(self, producer: Any, topic: str) -> None:
        self._producer, self._topic = producer, topic
        self._partitions = Partitions()

    def send(self, messages: Messages) -> Futures:
        """See `client.Client`. The partition is chosen here, for many keys at a time."""
        futures: deque[Any] = deque()
        try:
            count = len(self._producer.partitions_for(self._topic))
            partitions = self._partitions.choose(messages.keys, count)
            records = zip(
                messages.values, messages.keys, messages.headers(), partitions, strict=True
            )
            for value, key, headers, partition in records:
                future = self._producer.send(self._topic, value, key, headers, partition)
                futures.append(future)
        except KafkaError as error:
            raise _failure(error) from error
        return Futures(futures)

    def close(self) -> None:
        """See `client.Client`."""
        with suppress(KafkaError):
            self._producer.close(timeout=0)
        self._producer._sender.force_close()  # a `close` that raised leaves the thread running


def _failure(error: Exception) -> Away:
    """An idempotent producer that was refused anything fails all that it has and is given later."""
    kind = Refused if isinstance(error, _REFUSALS) else Away
    return kind(f"not delivered: {error}")


def connect(settings: config.Kafka, topic: str) -> KafkaPythonClient:
    """See `client.Connect`."""
    require(topic, settings)
    producer = opened(
        KafkaProducer,
        settings,
        acks="all",
        allow_auto_create_topics=False,
        batch_size=min(_BATCH_BYTES, settings.max_message_bytes),
        compression_type=None if settings.compression == "none" else settings.compression,
        delivery_timeout_ms=int(1000 * DELIVERY_SECONDS),
        enable_idempotence=True,
        linger_ms=_LINGER_MS,
        max_block_ms=int(1000 * REQUEST_SECONDS),
        max_request_size=2 * settings.max_message_bytes,
        metrics_enabled=False,
    )
    return KafkaPythonClient(producer, topic)
