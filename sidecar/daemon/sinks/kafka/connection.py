"""How kafka-python reaches the brokers, for producers and consumers alike."""

import logging
from collections import Counter
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import KafkaError, RetriableError

from sidecar import config
from sidecar.daemon.sinks.kafka.client import (
    CLIENT_ID,
    REQUEST_SECONDS,
    Away,
    MissingTopic,
    no_broker,
    require_files,
    security_protocol,
)

_UNKNOWN_TOPIC = 3


class _Overheard(logging.Handler):
    """Why connections fail: the client writes it into its log, and raises less."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Exception] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the exception of a line."""
        if isinstance(record.args, tuple):
            self.heard += [one for one in record.args if isinstance(one, Exception)]

    def reason(self) -> str:
        """What came most often, of refusals if there were any; empty when nothing was heard."""
        final = [one for one in self.heard if not isinstance(one, RetriableError)]
        found = Counter(map(str, final or self.heard)).most_common(1)
        return found[0][0] if found else ""


logging.getLogger("kafka").setLevel(logging.CRITICAL)  # what it would say comes as exceptions too
_overheard = _Overheard()
_connecting = logging.getLogger("kafka.net.connection")
_connecting.setLevel(logging.WARNING)
_connecting.addHandler(_overheard)
_connecting.propagate = False


def opened(kind: Any, settings: config.Kafka, **options: Any) -> Any:
    """A connected client of kafka-python, such as KafkaProducer. Raises Away.

    By itself a client that cannot connect would leave its threads and sockets behind.
    """
    require_files(settings)
    _overheard.heard.clear()
    made: list[Any] = []

    def network(**given: Any) -> Any:
        made.append(kind.DEFAULT_CONFIG["kafka_client"](**given))
        return made[-1]

    try:
        return kind(kafka_client=network, **_options(settings), **options)
    except BaseException as error:
        for one in made:
            one.close()
        if isinstance(error, KafkaError | OSError):
            raise Away(no_broker(settings, _overheard.reason() or str(error))) from error
        raise


def require(topic: str, settings: config.Kafka) -> None:
    """Raise MissingTopic when there is no such topic, without asking in a way that makes it."""
    admin = opened(KafkaAdminClient, settings)
    try:
        [found] = admin.describe_topics([topic])
    except KafkaError as error:
        raise Away(f"topic {topic!r} cannot be looked up: {error}") from error
    finally:
        admin.close()
    if found["error_code"] == _UNKNOWN_TOPIC:
        raise MissingTopic(f"topic {topic!r} is missing: see `attention-sidecar kafka topics`")
    if found["error_code"]:
        raise Away(f"topic {topic!r} cannot be used: error {found['error_code']}")


def _options(settings: config.Kafka) -> dict[str, Any]:
    return {
        "bootstrap_servers": settings.bootstrap_servers,
        "bootstrap_timeout_ms": int(1000 * REQUEST_SECONDS),
        "client_id": CLIENT_ID,
        "reconnect_backoff_max_ms": 2000,
        "request_timeout_ms": int(1000 * REQUEST_SECONDS),
        "security_protocol": security_protocol(settings),
        "ssl_cafile": settings.tls_ca and str(settings.tls_ca),
        "ssl_certfile": settings.tls_certificate and str(settings.tls_certificate),
        "ssl_keyfile": settings.tls_key and str(settings.tls_key),
        "ssl_password": settings.tls_key_password and settings.tls_key_password.get_secret_value(),
        "sasl_mechanism": settings.sasl_mechanism,
        "sasl_plain_username": settings.username,
        "sasl_plain_password": settings.password and settings.password.get_secret_value(),
    }
