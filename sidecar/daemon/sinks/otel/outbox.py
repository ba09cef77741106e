"""A bounded queue and the thread that exports it: what is lost is counted by reason.

The SDK's batch processors drop what finds no room and what a collector does not take, without a
count; this keeps a batch through a short outage and counts what it must give up.
"""

import logging
import threading
import time
from collections import Counter, deque
from typing import Any

from sidecar.daemon.sinks.otel.exporters import Exporter

log = logging.getLogger(__name__)

MAX_BATCH = 512
LINGER_SECONDS = 1.0
"""How long an item waits for others."""
MAX_ATTEMPTS = 5
"""Exports of one batch, each with the exporter's own retries."""
LONGEST_DELAY = 16.0
ABORT_SECONDS = 0.5
"""For an export to end after its exporter was shut down."""


class Outbox:
    """Exports items in order; delivery is at least once."""

    def __init__(self, name: str, exporter: Exporter, *, limit: int) -> None:
        self.name = name
        self.sent = 0
        self.dropped: Counter[str] = Counter(queue_full=0, failed=0, stopping=0)
        self.failing = False
        """Whether the last export failed."""
        self._exporter, self._limit = exporter, limit
        self._queue: deque[Any] = deque()
        self._in_hand: list[Any] = []
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"otel-{name}", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Items queued, and those of the export under way."""
        return len(self._queue) + len(self._in_hand)

    def put(self, item: object) -> None:
        """Queue an item, or drop and count it when there is no room. Never waits."""
        with self._changed:
            if self._closing:
                self.dropped["stopping"] += 1
            elif self.waiting >= self._limit:
                self.dropped["queue_full"] += 1
            else:
                self._queue.append(item)
                self._changed.notify()

    def finish(self) -> None:
        """Take no more, and export what is queued."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def join(self, deadline: float) -> None:
        """Wait for the end until ``deadline`` (monotonic), then count what is left as lost."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        with self._changed:
            self.dropped["stopping"] += len(self._queue)
            self._queue.clear()
        self._exporter.shutdown()
        self._thread.join(ABORT_SECONDS)
        with self._changed:
            self.dropped["stopping"] += len(self._in_hand)
            self._in_hand = []

    def _run(self) -> None:
        while self._take():
            self._settle(taken=self._deliver())

    def _take(self) -> bool:
        """Wait for a batch and take it in hand; False when closing and nothing is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            self._changed.wait_for(
                lambda: len(self._queue) >= MAX_BATCH or self._closing, LINGER_SECONDS
            )
            size = min(len(self._queue), MAX_BATCH)
            self._in_hand = [self._queue.popleft() for _ in range(size)]
            return bool(self._in_hand)

    def _deliver(self) -> bool:
        """Export the batch in hand, several times if need be."""
        for attempt in range(MAX_ATTEMPTS):
            if attempt and not self._wait(min(2.0**attempt, LONGEST_DELAY)):
                return False
            self.failing = not self._exported()
            if not self.failing:
                return True
        return False

    def _exported(self) -> bool:
        try:
            return self._exporter.export(self._in_hand)
        except Exception as error:  # noqa: BLE001 - counted, and logged by type
            log.error("cannot export %d %s: %r", len(self._in_hand), self.name, error)
            return False

    def _wait(self, seconds: float) -> bool:
        """Wait before a retry; False when the outbox closes."""
        with self._changed:
            return not self._changed.wait_for(lambda: self._closing, seconds)

    def _settle(self, *, taken: bool) -> None:
        with self._changed:
            size, self._in_hand = len(self._in_hand), []
            if taken:
                self.sent += size
            else:
                self.dropped["stopping" if self._closing else "failed"] += size
