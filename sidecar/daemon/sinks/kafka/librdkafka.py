"""The client on librdkafka, through confluent-kafka: a third of the processor time."""

import logging
from collections import deque
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from sidecar import config
from sidecar.daemon.sinks.kafka.client import (
    CLIENT_ID,
    DELIVERY_SECONDS,
    REQUEST_SECONDS,
    Away,
    MissingTopic,
    Refused,
    no_broker,
    require_files,
    security_protocol,
)
from sidecar.daemon.sinks.kafka.messages import Messages

log = logging.getLogger(__name__)
log.setLevel(logging.CRITICAL)  # a line for each attempt to connect; the last is told as an error

_REFUSALS = (
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.INVALID_MSG_SIZE,
    KafkaError.INVALID_RECORD,
    KafkaError.INVALID_TIMESTAMP,
)
_BATCH_BYTES = 1_000_000
_MOST_RECORDS = 1_000_000


class Reports:
    """Records handed to the producer, and what is reported of them."""

    def __init__(self, producer: Any, count: int) -> None:
        self._producer, self._left = producer, count
        self._failure: Away | None = None

    def report(self, error: Any, _message: Any) -> None:
        """What librdkafka calls for each record."""
        self._left -= 1
        if error is not None and self._failure is None:
            kind = Refused if error.code() in _REFUSALS else Away
            self._failure = kind(f"not delivered: {error.str()}")

    def done(self) -> bool:
        """See `client.Delivery`."""
        self._producer.poll(0)
        if self._failure is not None:
            raise self._failure
        return self._left == 0


class LibrdkafkaClient:
    """See `client.Client`."""

    def __init__(self, producer: Any, topic: str) -> None:
        self._producer, self._topic = producer, topic

    def send(self, messages: Messages) -> Reports:
        """See `client.Client`."""
        reports = Reports(self._producer, len(messages.values))
        records = zip(messages.values, messages.keys, messages.headers(), strict=True)
        for value, key, headers in records:
            try:
                self._producer.produce(
                    self._topic, value, key, headers=headers, on_delivery=reports.report
                )
            except KafkaException as error:
                reports.report(error.args[0], None)
        return reports

    def close(self) -> None:
        """See `client.Client`."""
        self._producer.purge()
        self._producer.flush(0)


def connect(settings: config.Kafka, topic: str) -> LibrdkafkaClient:
    """See `client.Connect`."""
    require_files(settings)
    reasons: deque[Any] = deque(maxlen=8)
    try:
        producer = Producer({**_options(settings), "error_cb": reasons.append}, logger=log)
        found = _metadata(producer, topic)
    except KafkaException as error:
        reason = next(filter(_tells_why, reversed(reasons)), error.args[0])
        raise Away(no_broker(settings, reason.str())) from error
    if found.error is not None and found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise MissingTopic(f"topic {topic!r} is missing: see `attention-sidecar kafka topics`")
    if found.error is not None:
        raise Away(f"topic {topic!r} cannot be used: {found.error.str()}")
    return LibrdkafkaClient(producer, topic)


def _metadata(producer: Any, topic: str) -> Any:
    try:
        return producer.list_topics(topic, timeout=REQUEST_SECONDS).topics[topic]
    except KafkaException:
        producer.poll(0)  # hands over the errors of connections
        raise


def _tells_why(error: Any) -> bool:
    return bool(error.code() != KafkaError._ALL_BROKERS_DOWN)


def _options(settings: config.Kafka) -> dict[str, Any]:
    secret = settings.password
    key_secret = settings.tls_key_password
    given = {
        "bootstrap.servers": ",".join(settings.bootstrap_servers),
        "client.id": CLIENT_ID,
        "allow.auto.create.topics": False,
        "batch.size": min(_BATCH_BYTES, settings.max_message_bytes),
        "compression.type": settings.compression,
        "enable.idempotence": True,
        "linger.ms": 20,
        "delivery.timeout.ms": int(1000 * DELIVERY_SECONDS),
        "message.max.bytes": 2 * settings.max_message_bytes,
        "partitioner": "murmur2_random",
        "queue.buffering.max.messages": _MOST_RECORDS,
        "queue.buffering.max.kbytes": 4 * 1024 * settings.in_flight_mb + 8192,
        "reconnect.backoff.max.ms": 2000,
        "security.protocol": security_protocol(settings),
        "ssl.ca.location": settings.tls_ca and str(settings.tls_ca),
        "ssl.certificate.location": settings.tls_certificate and str(settings.tls_certificate),
        "ssl.key.location": settings.tls_key and str(settings.tls_key),
        "ssl.key.password": key_secret and key_secret.get_secret_value(),
        "sasl.mechanism": settings.sasl_mechanism,
        "sasl.username": settings.username,
        "sasl.password": secret and secret.get_secret_value(),
    }
    return {name: value for name, value in given.items() if value is not None}
