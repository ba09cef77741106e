"""Polls through outages: says when the brokers are gone, and when one is back."""

import time
from collections.abc import Callable
from typing import Any

from kafka.errors import RetriableError

from sidecar import config

GRACE_SECONDS = 2.0
"""Without a connection; to make one takes a moment."""


class Presence:
    """A consumer and whether it is connected. Belongs to the consumer's thread."""

    def __init__(self, consumer: Any, settings: config.Kafka, tell: Callable[[str], None]) -> None:
        self._consumer, self._client = consumer, consumer._client
        self._servers, self._tell = ", ".join(settings.bootstrap_servers), tell
        self._last = time.monotonic()
        self._gone = False
        self._fault = ""

    def poll(self, milliseconds: int) -> dict[Any, list[Any]]:
        """Records by partition; none while brokers are away. Raises KafkaError for what stays."""
        try:
            found: dict[Any, list[Any]] = self._consumer.poll(milliseconds)
            self._fault = ""
        except RetriableError as error:
            found = {}
            self._wait_for(str(error), milliseconds)
        self._look()
        return found

    def _wait_for(self, fault: str, milliseconds: int) -> None:
        if fault != self._fault:
            self._fault = fault
            self._tell(f"trying again: {fault}")
        time.sleep(milliseconds / 1000)

    def _look(self) -> None:
        now, brokers = time.monotonic(), self._client.cluster.brokers()
        if any(self._client.connected(broker.node_id) for broker in brokers):
            self._last = now
        gone = now - self._last > GRACE_SECONDS
        if gone != self._gone:
            self._gone = gone
            state = "is gone; waiting for it" if gone else "is back"
            self._tell(f"the broker at {self._servers} {state}")
