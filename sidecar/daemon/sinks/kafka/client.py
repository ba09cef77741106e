"""What the sink needs of a Kafka client, and which libraries provide it."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sidecar import config
from sidecar.daemon.sinks.kafka.messages import Messages

log = logging.getLogger(__name__)

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
    if settings.warning:
        log.warning("%s", settings.warning)
    if settings.client == "librdkafka":
        from sidecar.daemon.sinks.kafka.librdkafka import connect as librdkafka

        return librdkafka
    from sidecar.daemon.sinks.kafka.kafka_python import connect as kafka_python

    return kafka_python


def security_protocol(settings: config.Kafka) -> str:
    """Kafka's name for how connections are protected."""
    return f"{'SASL_' if settings.sasl_mechanism else ''}{'SSL' if settings.tls else 'PLAINTEXT'}"


def no_broker(settings: config.Kafka, reason: str) -> str:
    """What to tell when none of the brokers takes our connection."""
    return f"no broker at {', '.join(settings.bootstrap_servers)} can be used: {reason}"


def require_files(settings: config.Kafka) -> None:
    """Raise Away for a file of the settings that cannot be read: clients do not say which."""
    for name in ("tls_ca", "tls_certificate", "tls_key"):
        path: Path | None = getattr(settings, name)
        try:
            if path is not None:
                path.open("rb").close()
        except OSError as error:
            raise Away(f"kafka.{name}: cannot read {str(path)!r}: {error.strerror}") from error
