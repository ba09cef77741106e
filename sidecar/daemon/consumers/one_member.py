"""All partitions to one member of a consumer group; the others stand by.

A stream's requests are spread over all partitions, and its evidence is in one place only.
"""

from typing import Any

from kafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from kafka.protocol.consumer.metadata import (
    ConsumerProtocolAssignment,
    ConsumerProtocolSubscription,
)

_VERSION = 0
NOTHING, EVIDENCE, PARTITIONS = b"0", b"1", b"2"
"""What a member has, from the least claim to the largest."""


class OneMember(AbstractPartitionAssignor):  # type: ignore[misc]
    """Whoever holds the partitions keeps them; else whoever has evidence. One for each member."""

    name = "attention-one-member"

    def __init__(self, claim: bytes) -> None:
        self.claim = claim

    def assign(self, cluster: Any, members: Any) -> dict[str, ConsumerProtocolAssignment]:
        """By member id. Called at the member that leads the group."""
        chosen = max(members, key=lambda one: (one.metadata.user_data or NOTHING, one.member_id))
        return {
            member.member_id: ConsumerProtocolAssignment(
                _VERSION,
                [
                    (topic, sorted(cluster.partitions_for_topic(topic) or ()))
                    for topic in member.metadata.topics
                    if member is chosen
                ],
                b"",
            )
            for member in members
        }

    def metadata(self, topics: Any) -> ConsumerProtocolSubscription:
        """What the leader is told of this member."""
        return ConsumerProtocolSubscription(_VERSION, list(topics), self.claim)

    def on_assignment(self, assignment: Any, generation: int) -> None:  # noqa: ARG002 - Kafka's
        """Know what this member holds."""
        self.claim = PARTITIONS if assignment.partitions() else NOTHING
