"""The client on kafka-python."""

import logging
from collections import deque
from contextlib import suppress
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import (
    InvalidRecordError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from sidecar import config
from sidecar.daemon.sinks.kafka.client import CLIENT_ID, REQUEST_SECONDS, Away, MissingTopic
from sidecar.daemon.sinks.kafka.messages import Messages
from sidecar.daemon.sinks.kafka.partitions import Partitions

_REFUSALS = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidRecordError,
    InvalidTimestampError,
)
_UNKNOWN_TOPIC = 3
_BATCH_BYTES = 256 << 10
_LINGER_MS = 20
_DELIVERY_SECONDS = 120.0
"""Longer than a broker's restart: the client's own retries then need no second sending."""

logging.getLogger("kafka").setLevel(logging.CRITICAL)  # what it would say comes as exceptions too


class Futures:
    """Records handed to the producer."""

    def __init__(self, futures: "deque[Any]") -> None:
        self.refused = 0
        self._futures = futures

    def done(self) -> bool:
        """See `client.Delivery`."""
        futures = self._futures
        while futures and futures[0].is_done:
            error = futures.popleft().exception
            if isinstance(error, _REFUSALS):
                self.refused += 1
            elif error is not None:
                raise Away(f"not delivered: {error}")
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
            raise Away(str(error)) from error
        return Futures(futures)

    def close(self) -> None:
        """See `client.Client`."""
        with suppress(KafkaError):
            self._producer.close(timeout=0)
        self._producer._sender.force_close()  # a `close` that raised leaves the thread running


def connect(settings: config.Kafka, topic: str) -> KafkaPythonClient:
    """See `client.Connect`."""
    common = connection(settings)
    compression = None if settings.compression == "none" else settings.compression
    try:
        _require(topic, common)
        producer = KafkaProducer(
            **common,
            acks="all",
            allow_auto_create_topics=False,
            batch_size=_BATCH_BYTES,
            compression_type=compression,
            delivery_timeout_ms=int(1000 * _DELIVERY_SECONDS),
            linger_ms=_LINGER_MS,
            max_block_ms=int(1000 * REQUEST_SECONDS),
            max_request_size=2 * settings.max_message_bytes,
            metrics_enabled=False,
        )
    except (KafkaError, OSError) as error:
        raise Away(f"no broker at {', '.join(settings.bootstrap_servers)}: {error}") from error
    return KafkaPythonClient(producer, topic)


def connection(settings: config.Kafka) -> dict[str, Any]:
    """Options of every kafka-python client: addresses, encryption, authentication."""
    security = ("SASL_" if settings.sasl_mechanism else "") + ("SSL" if settings.tls else "")
    return {
        "bootstrap_servers": settings.bootstrap_servers,
        "bootstrap_timeout_ms": int(1000 * REQUEST_SECONDS),
        "client_id": CLIENT_ID,
        "reconnect_backoff_max_ms": 2000,
        "request_timeout_ms": int(1000 * REQUEST_SECONDS),
        "security_protocol": security if settings.tls else f"{security}PLAINTEXT",
        "ssl_cafile": settings.tls_ca and str(settings.tls_ca),
        "ssl_certfile": settings.tls_certificate and str(settings.tls_certificate),
        "ssl_keyfile": settings.tls_key and str(settings.tls_key),
        "ssl_password": settings.tls_key_password and settings.tls_key_password.get_secret_value(),
        "sasl_mechanism": settings.sasl_mechanism,
        "sasl_plain_username": settings.username,
        "sasl_plain_password": settings.password and settings.password.get_secret_value(),
    }


def _require(topic: str, common: dict[str, Any]) -> None:
    """Raise MissingTopic without asking for the topic in a way that would make it."""
    admin = KafkaAdminClient(**common)
    try:
        [found] = admin.describe_topics([topic])
    finally:
        admin.close()
    if found["error_code"] == _UNKNOWN_TOPIC:
        raise MissingTopic(f"topic {topic!r} is missing: see `attention-sidecar kafka topics`")
    if found["error_code"]:
        raise Away(f"topic {topic!r} cannot be used: error {found['error_code']}")
