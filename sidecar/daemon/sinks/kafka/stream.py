"""One topic: its queue on disk, and the thread that sends what is in it."""

import logging
import threading
import time
from collections import Counter, deque
from pathlib import Path
from typing import NamedTuple

import msgspec

from sidecar import config
from sidecar.daemon.sinks.kafka.client import Away, Client, Connect, Delivery, MissingTopic
from sidecar.daemon.sinks.kafka.messages import Messages, Unreadable, pack, unpack
from sidecar.daemon.sinks.kafka.spill import Lost, Spill

log = logging.getLogger(__name__)

STATES = ("connecting", "running", "stalled", "missing_topic", "away")
"""`stalled`: connected, and nothing is acknowledged. `away`: no connection."""
LOST_REASONS = ("spill_full", "disk", "unreadable", "too_large", "refused")
STALL_SECONDS = 5.0
_POLL_SECONDS = 0.01
_IDLE_SECONDS = 0.2
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 5.0
_LOG_SECONDS = 60.0


class _Sent(NamedTuple):
    delivery: Delivery
    messages: int
    samples_each: int
    size: int
    at: float


class Stream:
    """Sends to one topic at least once, in order of arrival, with a bounded number in flight."""

    def __init__(self, settings: config.Kafka, topic: str, connect: Connect, lost: Lost) -> None:
        """Open the queue; ``lost`` is told of losses too. Raises OSError and spill.Busy."""
        self.topic = topic
        self.state = "connecting"
        self.fault = ""
        """Why samples do not get through now; empty when they do."""
        self.delivered = 0
        """Samples the broker has acknowledged."""
        self.connections = 0
        """Clients that were connected; all but the first are recoveries."""
        self.lost = Counter(dict.fromkeys(LOST_REASONS, 0))
        """Samples lost, by reason; all are there from the start, so that an increase shows."""
        self._settings, self._connect, self._on_lost = settings, connect, lost
        self._sent: deque[_Sent] = deque()
        self._in_flight = 0
        self._connected = False
        self._deadline: float | None = None
        self._news = threading.Event()
        self._logged = -_LOG_SECONDS
        folder = Path(settings.spill_path, topic)
        self.spill = Spill(folder, settings.spill_mb << 20, self._lose)
        self._thread = threading.Thread(target=self._run, name=f"kafka-{topic}", daemon=True)

    def start(self) -> None:
        """Start the thread, which connects."""
        self._thread.start()

    def put(self, messages: Messages) -> None:
        """Queue messages for good; those larger than may be sent are refused and counted."""
        limit = self._settings.max_message_bytes
        if any(len(value) > limit for value in messages.values):
            messages = self._small_enough(messages, limit)
        if messages.values:
            self.spill.append(pack(messages), messages.samples)
            self._news.set()

    def finish(self, deadline: float) -> None:
        """Send what is queued until ``deadline`` (monotonic); the rest waits for the next start."""
        self._deadline = deadline
        self._news.set()

    def join(self, deadline: float) -> None:
        """Wait for the end and close the queue; brokers that are away are not waited for."""
        while self._thread.is_alive() and time.monotonic() < deadline:
            if not (self._connected or self.state == "connecting"):
                break
            self._thread.join(_POLL_SECONDS)
        if self.spill.samples:
            log.warning("topic %s: %d samples wait on disk", self.topic, self.spill.samples)
        self.spill.close()

    def _small_enough(self, messages: Messages, limit: int) -> Messages:
        kept = [row for row, value in enumerate(messages.values) if len(value) <= limit]
        refused = len(messages.values) - len(kept)
        self._lose(refused * messages.samples_each, "too_large")
        return msgspec.structs.replace(
            messages,
            keys=[messages.keys[row] for row in kept],
            values=[messages.values[row] for row in kept],
            traces=[messages.traces[row] for row in kept],
        )

    def _run(self) -> None:
        delay = _FIRST_DELAY
        while not self._is_over():
            try:
                client = self._connect(self._settings, self.topic)
                self._connected = True
                self.connections += 1
                delay = _FIRST_DELAY
                try:
                    self._pump(client)
                finally:
                    client.close()
                    self._take_back()
                    self._connected = False
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                self._failed(error)
                self._pause(delay)
                delay = min(2 * delay, _LONGEST_DELAY)

    def _pump(self, client: Client) -> None:
        self._works()
        while not self._is_over():
            settled = self._settle()
            if not (self._send(client) or settled):
                self._news.wait(_POLL_SECONDS if self._sent else _IDLE_SECONDS)
                self._news.clear()
            self._watch()

    def _send(self, client: Client) -> bool:
        """Hand the next messages to the client, if there are any and room for them."""
        if self._in_flight >= self._settings.in_flight_mb << 20:
            return False
        entry = self.spill.next()
        if entry is None:
            return False
        try:
            messages = unpack(entry.frame.payload)
        except Unreadable:
            messages = Messages("", 0, [], [], [])
            self._lose(entry.frame.samples, "unreadable")
        delivery, size = client.send(messages), len(entry.frame.payload)
        sent = _Sent(delivery, len(messages.values), messages.samples_each, size, time.monotonic())
        self._sent.append(sent)
        self._in_flight += size
        return True

    def _settle(self) -> bool:
        """Forget what is acknowledged, oldest first; whether there was any."""
        any_done = False
        while self._sent and self._sent[0].delivery.done():
            sent = self._sent.popleft()
            self._in_flight -= sent.size
            refused = sent.delivery.refused
            if refused:
                self._lose(refused * sent.samples_each, "refused")
            self.delivered += (sent.messages - refused) * sent.samples_each
            self.spill.acknowledge()
            any_done = True
        return any_done

    def _take_back(self) -> None:
        self._sent.clear()
        self._in_flight = 0
        self.spill.rewind()

    def _is_over(self) -> bool:
        if self._deadline is None:
            return False
        return time.monotonic() >= self._deadline or self.spill.samples == 0

    def _pause(self, delay: float) -> None:
        until = time.monotonic() + delay
        while (left := until - time.monotonic()) > 0 and not self._is_over():
            time.sleep(min(left, _IDLE_SECONDS))

    def _watch(self) -> None:
        """Notice when nothing is acknowledged for a while."""
        waiting = time.monotonic() - self._sent[0].at if self._sent else 0.0
        if waiting < STALL_SECONDS:
            self._works()
        else:
            self.state = "stalled"
            self.fault = f"topic {self.topic!r}: no acknowledgement for {waiting:.0f} s"

    def _works(self) -> None:
        self.state, self.fault = "running", ""

    def _failed(self, error: Exception) -> None:
        self.state = "missing_topic" if isinstance(error, MissingTopic) else "away"
        name = "" if isinstance(error, Away) else f"{type(error).__name__}: "
        self.fault = f"{name}{error}"
        if time.monotonic() - self._logged >= _LOG_SECONDS:
            self._logged = time.monotonic()
            log.warning("topic %s: %s", self.topic, self.fault)

    def _lose(self, samples: int, reason: str) -> None:
        self.lost[reason] += samples
        self._on_lost(samples, reason)
