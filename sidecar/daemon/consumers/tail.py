"""Live samples from Kafka, as they were sent: JSON or Avro."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime

from kafka import KafkaConsumer, TopicPartition

from sidecar import config
from sidecar.daemon.consumers.samples import Row, decode
from sidecar.daemon.sinks.kafka.connection import opened, require

SHOWN = ("context_share", "top_document_share", "entropy_ratio", "copy_rate", "grounding_score")
"""Signals on a line, beside those that are filtered by."""
_POLL_MS = 500


@dataclass(frozen=True)
class Filter:
    """Which samples are shown; what was not measured is neither below nor above anything."""

    route: str | None = None
    model: str | None = None
    below: tuple[tuple[str, float], ...] = ()
    above: tuple[tuple[str, float], ...] = ()

    def passes(self, row: Row) -> bool:
        """Whether a sample is to be shown."""
        if self.route not in (None, row["route"]) or self.model not in (None, row["model_name"]):
            return False
        low = all(row[name] is not None and row[name] < limit for name, limit in self.below)
        return low and all(
            row[name] is not None and row[name] > limit for name, limit in self.above
        )


def follow(settings: config.Kafka, *, from_start: bool) -> Generator[Row | None]:
    """Samples as they come, and None whenever there are none for a while.

    Raises Away when brokers or topic are not there, and Unreadable for a foreign record.
    """
    topic = settings.samples_topic
    require(topic, settings)
    consumer = opened(
        KafkaConsumer,
        settings,
        allow_auto_create_topics=False,
        auto_offset_reset="earliest" if from_start else "latest",
        enable_auto_commit=False,
    )
    try:
        partitions = consumer.partitions_for_topic(topic)
        consumer.assign([TopicPartition(topic, number) for number in sorted(partitions)])
        while True:
            records = consumer.poll(_POLL_MS)
            for found in records.values():
                yield from map(decode, found)
            if not records:
                yield None
    finally:
        consumer.close()


def line(row: Row, more: tuple[str, ...] = ()) -> str:
    """A sample on a line: when, model, route, request, step and some signals."""
    moment = row["time"]
    if isinstance(moment, datetime):
        moment = moment.astimezone(UTC).isoformat()
    names = dict.fromkeys((*SHOWN, *more))
    values = [f"{name}={row[name]:.3f}" for name in names if row[name] is not None]
    where = f"{row['model_name']} {row['route'] or '-'} {row['request_id']} step {row['step']}"
    return f"{moment[:23]} {where} {' '.join(values)}".rstrip()
