"""Says when the brokers are gone, and when one is back: a consumer itself waits in silence."""

import time
from collections.abc import Callable
from typing import Any

from sidecar import config

GRACE_SECONDS = 2.0
"""Without a connection; to make one takes a moment."""


class Presence:
    """Whether a consumer is connected. Belongs to the consumer's thread."""

    def __init__(self, consumer: Any, settings: config.Kafka, tell: Callable[[str], None]) -> None:
        self._client = consumer._client
        self._servers, self._tell = ", ".join(settings.bootstrap_servers), tell
        self._last = time.monotonic()
        self._gone = False

    def look(self) -> None:
        """Tell what has changed; call after a poll."""
        now, brokers = time.monotonic(), self._client.cluster.brokers()
        if any(self._client.connected(broker.node_id) for broker in brokers):
            self._last = now
        gone = now - self._last > GRACE_SECONDS
        if gone != self._gone:
            self._gone = gone
            state = "is gone; waiting for it" if gone else "is back"
            self._tell(f"the broker at {self._servers} {state}")
