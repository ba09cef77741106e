"""Live samples from Kafka, as they were sent: JSON or Avro."""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from sidecar import config
from sidecar.daemon.consumers.presence import Presence
from sidecar.daemon.consumers.rows import Row
from sidecar.daemon.consumers.samples import decode
from sidecar.daemon.sinks.kafka.connection import opened, require
from sidecar.daemon.sinks.kafka.messages import Unreadable

log = logging.getLogger(__name__)

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


def follow(
    settings: config.Kafka, *, from_start: bool, tell: Callable[[str], None] = log.warning
) -> Generator[Row | None]:
    """Samples as they come, and None whenever there are none for a while.

    ``tell`` gets a line for each record that is left out, and when brokers go and come back.
    Raises Away when brokers or topic are not there, KafkaError for what brokers refuse later.
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
        presence, readable = Presence(consumer, settings, tell), Readable(tell)
        while True:
            records = presence.poll(_POLL_MS)
            for found in records.values():
                yield from readable.rows(found)
            if not records:
                yield None
    finally:
        consumer.close()


class Readable:
    """Decodes records; those that are no samples are counted, told and left out."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.left_out = 0
        self._tell = tell

    def rows(self, records: Iterable[Any]) -> Iterator[Row]:
        """The samples among Kafka records."""
        for record in records:
            try:
                yield decode(record)
            except Unreadable as error:
                self.left_out += 1
                self._tell(f"left out, {self.left_out} so far: {error}")


def line(row: Row, more: tuple[str, ...] = ()) -> str:
    """A sample on a line: when, model, route, request, step and some signals.

    Clients choose some of the words, so what a terminal would not print is escaped.
    """
    names = dict.fromkeys((*SHOWN, *more))
    values = [f"{name}={row[name]:.3f}" for name in names if row[name] is not None]
    where = f"{row['model_name']} {row['route'] or '-'} {row['request_id']} step {row['step']}"
    return _printable(f"{row['time'][:23]} {where} {' '.join(values)}".rstrip())


def _printable(text: str) -> str:
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )
