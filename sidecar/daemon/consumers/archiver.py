"""Reads `attention.archive` as a member of a consumer group and writes the same Parquet.

Offsets are committed when the files that hold the rows are finished and on disk. What was read and
not committed is read again, by whoever then has the partition; rows that are stored already are
left out.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from sidecar import schema, signals, wire
from sidecar.archive import StorageError, Writer
from sidecar.config import Settings
from sidecar.daemon.consumers.seen import Seen
from sidecar.daemon.sinks.kafka.connection import opened, require

log = logging.getLogger(__name__)

_POLL_MS = 500
_FETCH_BYTES = 16 << 20
_RECORDS = 32
_SESSION_MS, _HEARTBEAT_MS = 10_000, 3_000


class Archiver(ConsumerRebalanceListener):  # type: ignore[misc]
    """One member of the group. Belongs to one thread."""

    def __init__(self, settings: Settings, group: str) -> None:
        """Connect, and recover what dead archivers left in the folder. Raises Away and OSError."""
        self.counts: Counter[str] = Counter()
        """Rows stored, duplicates left out, and messages refused by reason."""
        self._settings = settings
        self._topic = settings.kafka.archive_topic
        require(self._topic, settings.kafka)
        self._writer = Writer(settings.archive)
        self._seen = Seen()
        self._next: dict[TopicPartition, int] = {}
        """Of each partition that is read from, the offset after the last row stored."""
        self._settled = time.monotonic()
        self._lock = threading.Lock()
        self._consumer = opened(
            KafkaConsumer,
            settings.kafka,
            group_id=group,
            allow_auto_create_topics=False,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_bytes=_FETCH_BYTES,
            heartbeat_interval_ms=_HEARTBEAT_MS,
            max_poll_records=_RECORDS,
            session_timeout_ms=_SESSION_MS,
        )
        self._consumer.subscribe([self._topic], listener=self)

    def run(self, over: Callable[[], bool]) -> None:
        """Read and store until ``over``.

        Raises StorageError when the disk does not take the rows; nothing is committed then.
        """
        try:
            while not over():
                for partition, records in self._consumer.poll(_POLL_MS).items():
                    self._take(partition, records)
                if time.monotonic() - self._settled >= self._settings.archive.roll_seconds:
                    self.settle()
            self.settle()
        finally:
            self._consumer.close(autocommit=False)
            self._writer.close()

    def settle(self) -> None:
        """Finish the files, then commit. Raises StorageError."""
        self._settled = time.monotonic()
        with self._lock:
            self._writer.flush()
            if self._writer.counts.staging_failures:
                raise StorageError("a file cannot be written; its rows wait in the journal")
            offsets = {tp: OffsetAndMetadata(after, "", -1) for tp, after in self._next.items()}
        if offsets:
            self._commit(offsets)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish the files before others take the partitions over: they then know the rows.

        Called by the client's own thread, in which nothing can be committed.
        """
        with self._lock:
            self._writer.flush()
            for partition in revoked:
                self._next.pop(partition, None)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """What is stored of them is found out at their first record."""
        log.info("has partitions %s", sorted(one.partition for one in assigned))

    def _commit(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        try:
            self._consumer.commit(offsets)
        except KafkaError as error:
            log.warning("cannot commit, rows will be read again and left out: %s", error)
        log.info("%s", ", ".join(f"{count} {what}" for what, count in self.counts.items()))

    def _take(self, partition: TopicPartition, records: list[Any]) -> None:
        with self._lock:
            self._take_in_turn(partition, records)

    def _take_in_turn(self, partition: TopicPartition, records: list[Any]) -> None:
        if partition not in self._next:
            self._writer.recover()
            self._seen.load(self._settings.archive.path, records[0].timestamp / 1000)
        for record in records:
            self._store(record)
            self._next[partition] = record.offset + 1

    def _store(self, record: Any) -> None:
        try:
            batch = wire.decode_batch(record.value)
            schema.check(batch, schema.RECORD)
            fresh = self._seen.fresh(batch)
            rows = signals.only(batch, fresh)
            self._writer.append(rows)
        except wire.Malformed as error:
            return self._refuse("not_arrow", record, error)
        except ValueError as error:
            return self._refuse("schema", record, error)
        self._seen.remember(rows.column("record_id").to_pylist())
        self.counts["rows"] += len(rows)
        self.counts["duplicates"] += len(batch) - len(rows)
        return None

    def _refuse(self, reason: str, record: Any, error: Exception) -> None:
        self.counts[f"refused ({reason})"] += 1
        log.warning("partition %d, offset %d left out: %s", record.partition, record.offset, error)
