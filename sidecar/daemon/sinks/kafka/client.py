"""What the sink needs of a Kafka client, and which libraries provide it."""

from collections.abc import Callable
from typing import Protocol

from sidecar import config
from sidecar.daemon.sinks.kafka.messages import Messages

REQUEST_SECONDS = 10.0
DELIVERY_SECONDS = 120.0
"""Longer than a broker's restart: the client's own retries then need no second sending."""
CLIENT_ID = "attention-sidecar"


class Away(Exception):
    """The brokers cannot be used now; everything unacknowledged is to be sent again."""


class MissingTopic(Away):
    """The topic does not exist; making it is the operator's part."""


class Refused(Away):
    """The broker will never take some of what it was sent, such as a record that is too large.

    Which it was is not known, and what was sent beside it may be lost with it.
    """


class Delivery(Protocol):
    """Messages on their way."""

    def done(self) -> bool:
        """Whether every message is acknowledged. Never waits. Raises Away and Refused."""
        ...


class Client(Protocol):
    """A connected, idempotent producer for one topic. Belongs to one thread."""

    def send(self, messages: Messages) -> Delivery:
        """Hand messages over, in their order. Raises Away and Refused."""
        ...

    def close(self) -> None:
        """Let go at once; what is not acknowledged may or may not arrive. Never raises."""
        ...


Connect = Callable[[config.Kafka, str], Client]
"""Connects for one topic. Raises Away, MissingTopic when the topic is not there."""


def connector(settings: config.Kafka) -> Connect:
    """The library that is set. Raises ModuleNotFoundError when it is not installed."""
    if settings.client == "librdkafka":
        from sidecar.daemon.sinks.kafka.librdkafka import connect as librdkafka

        return librdkafka
    from sidecar.daemon.sinks.kafka.kafka_python import connect as kafka_python

    return kafka_python


def security_protocol(settings: config.Kafka) -> str:
    """Kafka's name for how connections are protected."""
    return f"{'SASL_' if settings.sasl_mechanism else ''}{'SSL' if settings.tls else 'PLAINTEXT'}"
