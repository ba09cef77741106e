"""A bounded queue on disk: frames in order, kept until they are acknowledged.

Everything goes through it, whether the broker is there or not. Appending is a write to the
operating system without `fsync`: a killed process loses nothing, a machine that loses its power the
last seconds. What is not acknowledged is read again after a restart.
"""

import threading
from collections import deque
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from sidecar.daemon.sinks.kafka.cursor import Busy, Cursor, Place
from sidecar.daemon.sinks.kafka.segment import FileSegment, Frame, Segment
from sidecar.daemon.sinks.kafka.store import Lost, Store

__all__ = ["Busy", "Entry", "Lost", "Spill"]


class Entry(NamedTuple):
    """A frame that was read and not yet acknowledged."""

    frame: Frame
    segment: Segment
    end: int


class Spill:
    """One queue. One thread may append while another reads and acknowledges."""

    def __init__(self, folder: Path, max_bytes: int, lost: Lost) -> None:
        """Take over what an earlier process left. Raises OSError and Busy, holding nothing."""
        self._folder, self._lost = folder, lost
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque()
        self._closed = False
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as opening:
            self._cursor = opening.enter_context(closing(Cursor(folder)))
            self._store = opening.enter_context(closing(Store(folder, max_bytes, lost)))
            self._store.recover(self._cursor.start)
            self._closing = opening.pop_all()

    @property
    def size(self) -> int:
        """Bytes on disk and in memory."""
        with self._lock:
            return self._store.size

    @property
    def samples(self) -> int:
        """Samples not yet acknowledged."""
        with self._lock:
            unread = sum(segment.unread_samples for segment in self._store.segments)
            return unread + sum(entry.frame.samples for entry in self._entries)

    @property
    def error(self) -> str:
        """What the disk does not do; empty when it does all."""
        error = self._store.error or self._cursor.error
        return error and f"{self._folder}: {error}"

    @property
    def torn_bytes(self) -> int:
        """Bytes that a crash left incomplete."""
        return self._store.torn_bytes

    def append(self, payload: bytes, samples: int) -> None:
        """Add a frame at the end; where there is no room, the oldest segments are lost."""
        with self._lock:
            self._store.append(Frame(payload, samples))

    def next(self) -> Entry | None:
        """The oldest frame that was not read yet; None when there is none."""
        with self._lock:
            for segment in () if self._closed else self._store.segments:
                while segment.read < segment.size:
                    if frame := segment.next():
                        self._entries.append(Entry(frame, segment, segment.read))
                        return self._entries[-1]
                    self._lost(segment.cut(), "unreadable")
        return None

    def acknowledge(self) -> None:
        """The oldest frame that was read is done with."""
        with self._lock:
            if self._closed:
                return
            entry = self._entries.popleft()
            entry.segment.acknowledged = entry.end
            if isinstance(entry.segment, FileSegment):
                self._cursor.move(Place(entry.segment.number, entry.end))
            self._store.remove_done()

    def rewind(self) -> int:
        """Read again what is not acknowledged; what was dropped since it was read is lost.

        The number of frames that come again.
        """
        again = 0
        with self._lock:
            while self._entries:
                entry = self._entries.pop()
                if entry.segment.dropped:
                    self._lost(entry.frame.samples, entry.segment.dropped)
                else:
                    entry.segment.put_back(entry.frame, entry.end)
                    again += 1
        return again

    def close(self) -> None:
        """Leave what waits to the next process; what is in memory alone is lost.

        A thread that still reads finds nothing more, and what it acknowledges comes again.
        """
        self.rewind()
        with self._lock:
            self._closed = True
            self._closing.close()
