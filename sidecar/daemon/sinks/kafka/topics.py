"""The commands that make the topics; making them is the operator's part."""

from collections.abc import Iterator
from typing import NamedTuple

from sidecar import config
from sidecar.daemon.sinks.kafka.client import security_protocol

PROPERTIES = "client.properties"
DAY_MS = 86_400_000
_BATCH_OVERHEAD = 48_588
"""What headers and the frame of a batch add at most; gives Kafka's own default by default."""


class Topic(NamedTuple):
    """A topic as it should be made."""

    name: str
    partitions: int
    retention_days: int


def topics(settings: config.Kafka, partitions: int) -> list[Topic]:
    """Samples are read by many, whole batches soon, alerts by few and long."""
    found = [Topic(settings.samples_topic, partitions, 7), Topic(settings.alerts_topic, 1, 30)]
    if settings.archive:
        found.append(Topic(settings.archive_topic, partitions, 3))
    return found


def commands(settings: config.Kafka, partitions: int, replicas: int) -> Iterator[str]:
    """A `kafka-topics.sh` command for each topic, after what its properties file should hold."""
    servers = ",".join(settings.bootstrap_servers) or "localhost:9092"
    secured = bool(settings.tls or settings.sasl_mechanism)
    if secured:
        yield f"# {PROPERTIES}:"
        yield from (f"#   {name}={value}" for name, value in properties(settings).items())
    for topic in topics(settings, partitions):
        configs = {
            "retention.ms": topic.retention_days * DAY_MS,
            "compression.type": "producer",
            "max.message.bytes": settings.max_message_bytes + _BATCH_OVERHEAD,
            "min.insync.replicas": max(1, replicas - 1),
        }
        yield " ".join(
            [
                f"kafka-topics.sh --bootstrap-server {servers}",
                *([f"--command-config {PROPERTIES}"] if secured else []),
                f"--create --if-not-exists --topic {topic.name}",
                f"--partitions {topic.partitions} --replication-factor {replicas}",
                *(f"--config {name}={value}" for name, value in configs.items()),
            ]
        )


def properties(settings: config.Kafka) -> dict[str, str]:
    """Settings of Kafka's own tools for connections like ours; secrets are to be filled in."""
    found = {"security.protocol": security_protocol(settings)}
    if settings.tls_ca:
        found |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(settings.tls_ca)}
    if settings.tls_certificate:
        found |= {"ssl.keystore.type": "PEM", "ssl.keystore.location": "FILE WITH KEY AND CHAIN"}
    if settings.sasl_mechanism:
        found |= {
            "sasl.mechanism": settings.sasl_mechanism,
            "sasl.jaas.config": _login(settings.sasl_mechanism, str(settings.username)),
        }
    return found


def _login(mechanism: str, user: str) -> str:
    name = "plain.PlainLoginModule" if mechanism == "PLAIN" else "scram.ScramLoginModule"
    module = f"org.apache.kafka.common.security.{name}"
    return f'{module} required username="{user}" password="PASSWORD";'
