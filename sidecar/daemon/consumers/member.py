"""A member of the consumer group that watches the samples of a fleet.

The offsets that count are those in the state of the evidence; what is committed to Kafka follows
them, with the name of the evidence beside it. So a member that finds another name there knows that
what it has is of no use any more, and one that finds its own goes on exactly where its state is.
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition

from sidecar import config
from sidecar.daemon.consumers.one_member import EVIDENCE, NOTHING, OneMember
from sidecar.daemon.consumers.polled import Records
from sidecar.daemon.mark import Mark
from sidecar.daemon.sinks.kafka.connection import opened, require

log = logging.getLogger(__name__)

READ_AGAIN = 20_000
"""Records before the first new one that are read for their ids, so that duplicates are known."""
_POLL_MS, _ASK_MS, _LEAVE_MS = 500, 5000, 2000
_FETCH_BYTES = 16 << 20
_RECORDS = 500
_SESSION_MS, _HEARTBEAT_MS = 10_000, 3_000


class Member(ConsumerRebalanceListener):  # type: ignore[misc]
    """Belongs to one thread. All methods raise KafkaError."""

    def __init__(
        self, settings: config.Kafka, group: str, mark: Mark | None, *, from_start: bool
    ) -> None:
        """Join, to go on after ``mark``. Raises Away."""
        self.mark = mark or Mark()
        """What was taken; without partitions one that names no evidence."""
        self.settled = False
        """Whether it is known who has the partitions."""
        self.takeovers = 0
        """Times another member was found to have watched before this one."""
        self._topic, self._from_start = settings.samples_topic, from_start
        self._moved = threading.Event()
        self._assignor = OneMember(EVIDENCE if self.mark.evidence else NOTHING)
        require(self._topic, settings)
        self._consumer = opened(
            KafkaConsumer,
            settings,
            group_id=group,
            allow_auto_create_topics=False,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_bytes=_FETCH_BYTES,
            heartbeat_interval_ms=_HEARTBEAT_MS,
            max_poll_records=_RECORDS,
            partition_assignment_strategy=[self._assignor],
            session_timeout_ms=_SESSION_MS,
        )
        self._consumer.subscribe([self._topic], listener=self)

    def poll(self) -> Records:
        """Records in order; the first ones of a partition may be taken already."""
        found = self._consumer.poll(_POLL_MS)
        if self._moved.is_set():
            self._settle()
            return {}  # from where Kafka thought; they come again
        return {one.partition: records for one, records in found.items()} if self.settled else {}

    def commit(self) -> None:
        """Tell Kafka what was taken."""
        offsets = {
            TopicPartition(self._topic, partition): OffsetAndMetadata(
                offset, self.mark.evidence, -1
            )
            for partition, offset in self.mark.following.items()
        }
        if offsets:
            self._consumer.commit(offsets, timeout_ms=_ASK_MS)

    def lag(self) -> dict[int, int]:
        """By partition, how many records are still to be taken; asks a broker in any case."""
        asked = [TopicPartition(self._topic, one) for one in (self.mark.following or (0,))]
        ends = self._consumer.end_offsets(asked, timeout_ms=_ASK_MS)
        following = self.mark.following
        return {
            one.partition: max(0, end - following[one.partition])
            for one, end in ends.items()
            if one.partition in following
        }

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close(autocommit=False, timeout_ms=_LEAVE_MS)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing: an assignment follows, perhaps of the same."""

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:  # noqa: ARG002
        """Others may have them by now."""
        self._assignor.claim = EVIDENCE

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:  # noqa: ARG002
        """Called by the client's own thread, in which nothing can be asked."""
        self._moved.set()

    def _settle(self) -> None:
        """Go to where reading goes on, after partitions have come or gone."""
        self._moved.clear()
        try:
            self.mark = self._found(sorted(self._consumer.assignment()))
            each = READ_AGAIN // max(1, len(self.mark.following))
            for partition, offset in self.mark.following.items():
                place = TopicPartition(self._topic, partition)
                self._consumer.seek(place, max(0, offset - each))
            self.commit()
        except BaseException:
            self._moved.set()
            raise
        self.settled = True
        log.info("has partitions %s", sorted(self.mark.following))

    def _found(self, mine: list[TopicPartition]) -> Mark:
        """From where to go on with partitions, and with which evidence."""
        if not mine:
            return Mark()
        ends = self._consumer.end_offsets(mine, timeout_ms=_ASK_MS)
        committed = {
            one: self._consumer.committed(one, metadata=True, timeout_ms=_ASK_MS) for one in mine
        }
        names = {found.metadata for found in committed.values() if found}
        ours = bool(self.mark.evidence) and names == {self.mark.evidence}
        following = self._left_off(committed, ends)
        if ours:
            following |= self.mark.following
        elif names:
            self.takeovers += 1
            log.warning("another member has watched before: evidence begins anew")
        found = {one.partition: min(following[one.partition], ends[one]) for one in mine}
        if any(found[one.partition] < following[one.partition] for one in mine):
            log.warning("the topic ends before %s, which was taken; going on at its end", following)
        return Mark(self.mark.evidence if ours else uuid4().hex, found)

    def _left_off(
        self, committed: Mapping[TopicPartition, Any], ends: Mapping[TopicPartition, int]
    ) -> dict[int, int]:
        """Where others have left off; a new group begins at the end, or as it was told."""
        if not any(committed.values()) and not self._from_start:
            return {one.partition: end for one, end in ends.items()}
        starts = self._consumer.beginning_offsets(list(ends), timeout_ms=_ASK_MS)
        return {
            one.partition: found.offset if found else starts[one]
            for one, found in committed.items()
        }
