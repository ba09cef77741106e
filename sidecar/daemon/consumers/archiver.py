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

from kafka import AsyncConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from sidecar import signals, wire
from sidecar.archive import LaterVersion, StorageError, Writer, upgraded
from sidecar.config import Settings
from sidecar.daemon.consumers.presence import Presence
from sidecar.daemon.consumers.seen import Seen
from sidecar.daemon.sinks.kafka.connection import opened, require

log = logging.getLogger(__name__)

SETTLE_ROWS = 250_000
"""Rows read after which files are finished and offsets committed: half of what `Seen` holds."""
_POLL_MS = 500
_FETCH_BYTES = 16 << 20
_RECORDS = 32
_SESSION_MS, _HEARTBEAT_MS = 10_000, 3_000


class Archiver(AsyncConsumerRebalanceListener):  # type: ignore[misc]
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
        self._unsettled = 0
        """Rows read since."""
        self._moved = False
        """Partitions have come, and what is stored of them is not known yet."""
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
        self._presence = Presence(self._consumer, settings.kafka, log.warning)

    def run(self, over: Callable[[], bool]) -> None:
        """Read and store until ``over``.

        Raises StorageError when the disk does not take the rows, LaterVersion for a message of a
        later schema, KafkaError for what brokers refuse; the rows in question are not committed.
        """
        try:
            while not over():
                for partition, records in self._presence.poll(_POLL_MS).items():
                    self._take(partition, records)
                if self._is_due():
                    self.settle()
            self.settle()
        finally:
            self._consumer.close(autocommit=False)
            self._writer.close()

    def settle(self) -> None:
        """Finish the files, then commit. Raises StorageError."""
        offsets = self._finish()
        if offsets:
            self._commit(offsets)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish the files and commit, so that others read on from there.

        Called by the client's own thread.
        """
        try:
            await self._consumer.commit_async(self._finish())
        except (KafkaError, StorageError) as error:
            log.warning("cannot commit before partitions move; rows are read again: %s", error)
        with self._lock:
            for partition in revoked:
                self._next.pop(partition, None)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """What is stored of them is found out when their first records come."""
        self._moved = True
        log.info("has partitions %s", sorted(one.partition for one in assigned))

    def _is_due(self) -> bool:
        waited = time.monotonic() - self._settled
        return waited >= self._settings.archive.roll_seconds or self._unsettled >= SETTLE_ROWS

    def _finish(self) -> dict[TopicPartition, OffsetAndMetadata]:
        """The offsets before which all rows are in finished files. Raises StorageError."""
        with self._lock:
            self._settled, self._unsettled = time.monotonic(), 0
            self._writer.flush()
            if self._writer.counts.staging_failures:
                raise StorageError("a file cannot be written; its rows wait in the journal")
            return {tp: OffsetAndMetadata(after, "", -1) for tp, after in self._next.items()}

    def _commit(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        try:
            self._consumer.commit(offsets)
        except KafkaError as error:
            log.warning("cannot commit, rows will be read again and left out: %s", error)
        log.info("%s", ", ".join(f"{count} {what}" for what, count in self.counts.items()))

    def _take(self, partition: TopicPartition, records: list[Any]) -> None:
        with self._lock:
            self._know_what_is_stored()
            for record in records:
                self._store(record)
                self._next[partition] = record.offset + 1

    def _know_what_is_stored(self) -> None:
        """Once after partitions have moved: who had them may be dead, or have stored more."""
        if self._moved:
            self._moved = False
            self._writer.recover()
            self._seen.load(self._settings.archive.path)

    def _store(self, record: Any) -> None:
        try:
            batch = upgraded(wire.decode_batch(record.value or b""))
            fresh = self._seen.fresh(batch)
            rows = signals.only(batch, fresh)
            self._writer.append(rows)
        except LaterVersion as error:
            raise LaterVersion(f"{_place(record)}: {error}: upgrade the archivers") from None
        except wire.Malformed as error:
            return self._refuse("not_arrow", record, error)
        except ValueError as error:
            return self._refuse("schema", record, error)
        self._seen.remember(rows.column("record_id").to_pylist())
        self._unsettled += len(batch)
        self.counts["rows"] += len(rows)
        self.counts["duplicates"] += len(batch) - len(rows)
        return None

    def _refuse(self, reason: str, record: Any, error: Exception) -> None:
        self.counts[f"refused ({reason})"] += 1
        log.warning("%s left out: %s", _place(record), error)


def _place(record: Any) -> str:
    return f"partition {record.partition}, offset {record.offset}"
