"""The commands that make the topics; making them is the operator's part."""

from collections.abc import Iterator
from typing import NamedTuple

from sidecar import config

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
    return [
        Topic(settings.samples_topic, partitions, 7),
        Topic(settings.alerts_topic, 1, 30),
        Topic(settings.archive_topic, partitions, 3),
    ]


def commands(settings: config.Kafka, partitions: int, replicas: int) -> Iterator[str]:
    """A `kafka-topics.sh` command for each topic."""
    servers = ",".join(settings.bootstrap_servers) or "localhost:9092"
    secured = settings.tls or settings.sasl_mechanism
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
                *(["--command-config client.properties"] if secured else []),
                f"--create --if-not-exists --topic {topic.name}",
                f"--partitions {topic.partitions} --replication-factor {replicas}",
                *(f"--config {name}={value}" for name, value in configs.items()),
            ]
        )
