"""One topic: its queue on disk, and the thread that sends what is in it."""

import logging
import threading
import time
from collections import Counter, deque
from pathlib import Path
from typing import NamedTuple

from sidecar import config
from sidecar.daemon.sinks.kafka.client import Away, Client, Connect, Delivery, Refused
from sidecar.daemon.sinks.kafka.condition import Condition
from sidecar.daemon.sinks.kafka.isolation import refused
from sidecar.daemon.sinks.kafka.messages import Messages, Unreadable, pack, unpack
from sidecar.daemon.sinks.kafka.spill import Entry, Lost, Spill

log = logging.getLogger(__name__)

LOST_REASONS = ("spill_full", "disk", "unreadable", "too_large", "refused", "error")
STALL_SECONDS = 5.0
_POLL_SECONDS = 0.01
_IDLE_SECONDS = 0.2
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 5.0


class _Sent(NamedTuple):
    delivery: Delivery
    frame_samples: int
    samples: int
    size: int
    at: float


class Stream:
    """Sends to one topic at least once, in order of arrival, with a bounded number in flight."""

    def __init__(self, settings: config.Kafka, topic: str, connect: Connect, lost: Lost) -> None:
        """Open the queue; ``lost`` is told of losses too. Raises OSError and spill.Busy."""
        self.topic = topic
        self.condition = Condition(topic)
        self.delivered = 0
        """Samples the broker has acknowledged."""
        self.connections = 0
        """Clients that were connected; all but the first are recoveries."""
        self.lost = Counter(dict.fromkeys(LOST_REASONS, 0))
        """Samples lost, by reason; all are there from the start, so that an increase shows."""
        self._settings, self._connect, self._on_lost = settings, connect, lost
        self._sent: deque[_Sent] = deque()
        self._in_flight = 0
        self._suspects = 0
        """Frames that come next, of which the broker refused some when they were sent together."""
        self._connected = False
        self._delay = _FIRST_DELAY
        self._deadline: float | None = None
        self._news = threading.Event()
        folder = Path(settings.spill_path, topic)
        self.spill = Spill(folder, settings.spill_mb << 20, self.lose)
        self._thread = threading.Thread(target=self._run, name=f"kafka-{topic}", daemon=True)

    def start(self) -> None:
        """Start the thread, which connects."""
        self._thread.start()

    def put(self, messages: Messages) -> None:
        """Queue messages for good; those larger than may be sent are refused and counted."""
        small = messages.within(self._settings.max_message_bytes)
        if len(small.values) < len(messages.values):
            self.lose(messages.samples - small.samples, "too_large")
        if small.values:
            self.spill.append(pack(small), small.samples)
            self._news.set()

    def finish(self, deadline: float) -> None:
        """Send what is queued until ``deadline`` (monotonic); the rest waits for the next start."""
        self._deadline = deadline
        self._news.set()

    def join(self, deadline: float) -> None:
        """Wait for the end and close the queue; brokers that are away are not waited for."""
        while self._thread.is_alive() and time.monotonic() < deadline:
            if not (self._connected or self.condition.state == "connecting"):
                break
            self._thread.join(_POLL_SECONDS)
        if self.spill.samples:
            log.warning("topic %s: %d samples wait on disk", self.topic, self.spill.samples)
        self.spill.close()

    def lose(self, samples: int, reason: str) -> None:
        """Count samples that will not arrive."""
        self.lost[reason] += samples
        self._on_lost(samples, reason)

    def _run(self) -> None:
        while not self._is_over():
            try:
                self._isolate()
                self._deliver()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                self._take_back(error)
                self.condition.fails(error)
                self._pause()

    def _deliver(self) -> None:
        client = self._connect(self._settings, self.topic)
        self._connected = True
        self.connections += 1
        self._delay = _FIRST_DELAY
        try:
            self._pump(client)
        finally:
            client.close()
            self._connected = False

    def _pump(self, client: Client) -> None:
        self.condition.works()
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
        messages, frame = _unpacked(entry), entry.frame
        delivery, now = client.send(messages), time.monotonic()
        self._sent.append(_Sent(delivery, frame.samples, messages.samples, frame.size, now))
        self._in_flight += frame.size
        return True

    def _settle(self) -> bool:
        """Forget what is acknowledged, oldest first; whether there was any."""
        any_done = False
        while self._sent and self._sent[0].delivery.done():
            sent = self._sent.popleft()
            self._in_flight -= sent.size
            self._acknowledge(sent.frame_samples, sent.samples)
            any_done = True
        return any_done

    def _isolate(self) -> None:
        """Send frames one at a time, and find in each what the broker refuses."""
        while self._suspects and (entry := self.spill.next()):
            messages = _unpacked(entry)
            lost = refused(messages, self._connect_again) * messages.samples_each
            self._acknowledge(entry.frame.samples, messages.samples, lost)
            self._suspects -= 1
        self._suspects = 0

    def _connect_again(self) -> Client:
        if self._is_over():
            raise Away("stopping")
        return self._connect(self._settings, self.topic)

    def _acknowledge(self, frame_samples: int, samples: int, refused: int = 0) -> None:
        """A frame is done with, of which so many samples could be read."""
        self.delivered += samples - refused
        for count, reason in ((frame_samples - samples, "unreadable"), (refused, "refused")):
            if count:
                self.lose(count, reason)
        self.spill.acknowledge()

    def _take_back(self, error: Exception) -> None:
        self._sent.clear()
        self._in_flight = 0
        again = self.spill.rewind()
        if isinstance(error, Refused):
            self._suspects = again

    def _is_over(self) -> bool:
        if self._deadline is None:
            return False
        return time.monotonic() >= self._deadline or self.spill.samples == 0

    def _pause(self) -> None:
        until = time.monotonic() + self._delay
        self._delay = min(2 * self._delay, _LONGEST_DELAY)
        while (left := until - time.monotonic()) > 0 and not self._is_over():
            time.sleep(min(left, _IDLE_SECONDS))

    def _watch(self) -> None:
        """Notice when nothing is acknowledged for a while."""
        waiting = time.monotonic() - self._sent[0].at if self._sent else 0.0
        if waiting < STALL_SECONDS:
            self.condition.works()
        else:
            self.condition.stalls(waiting)


def _unpacked(entry: Entry) -> Messages:
    """The messages of a frame; none when they cannot be read."""
    try:
        return unpack(entry.frame.payload)
    except Unreadable:
        return Messages("", 0, [], [], [])
