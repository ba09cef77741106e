"""A bounded queue on disk: frames in order, kept until they are acknowledged.

Everything goes through it, whether the broker is there or not. Appending is a write to the
operating system without `fsync`: a killed process loses nothing, a machine that loses its power the
last seconds. The file `cursor` says up to where frames are acknowledged; after a restart the rest
is read again.
"""

import fcntl
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from sidecar.daemon.sinks.kafka.segment import FileSegment, Frame, MemorySegment, Segment, numbers

log = logging.getLogger(__name__)

SEGMENT_BYTES = 8 << 20
"""Bytes at which a new segment begins; also what is kept in memory when the disk takes nothing."""
DISK_RETRY_SECONDS = 5.0
_CURSOR = Struct("<QQ")

Lost = Callable[[int, str], object]
"""Told how many samples are lost and why: `spill_full`, `disk` or `unreadable`."""


class Busy(RuntimeError):
    """Another process uses the folder."""


class Entry(NamedTuple):
    """A frame that was read and not yet acknowledged."""

    frame: Frame
    segment: Segment
    end: int


class Spill:
    """One queue. One thread may append while another reads and acknowledges."""

    def __init__(self, folder: Path, max_bytes: int, lost: Lost) -> None:
        """Take over what an earlier process left. Raises OSError and Busy."""
        self.error = ""
        """Why the disk takes nothing; empty when it does."""
        self.torn_bytes = 0
        """Bytes that a crash left incomplete."""
        self._folder, self._max_bytes, self._lost = folder, max_bytes, lost
        self._segment_bytes = min(SEGMENT_BYTES, max_bytes // 4)
        self._lock = threading.Lock()
        self._segments: deque[Segment] = deque()
        self._entries: deque[Entry] = deque()
        self._retry_disk = 0.0
        self._closed = False
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._held = _locked(folder / "lock")
        self._cursor = os.open(folder / "cursor", os.O_RDWR | os.O_CREAT, 0o600)
        self._recover()

    @property
    def size(self) -> int:
        """Bytes on disk and in memory."""
        with self._lock:
            return self._size()

    @property
    def samples(self) -> int:
        """Samples not yet acknowledged."""
        with self._lock:
            unread = sum(segment.unread_samples for segment in self._segments)
            return unread + sum(entry.frame.samples for entry in self._entries)

    def append(self, payload: bytes, samples: int) -> None:
        """Add a frame at the end; where there is no room, the oldest segments are lost."""
        frame = Frame(payload, samples)
        with self._lock:
            if self._wants_new_segment():
                self._begin()
            while len(self._segments) > 1 and self._size() + frame.size > self._max_bytes:
                self._forget(self._segments[0], "spill_full")
            try:
                self._segments[-1].append(frame)
            except OSError as error:
                self._use_memory(error)
                self._segments[-1].append(frame)

    def next(self) -> Entry | None:
        """The oldest frame that was not read yet; None when there is none."""
        with self._lock:
            for segment in () if self._closed else self._segments:
                while segment.read < segment.size:
                    frame = segment.next()
                    if frame is None:
                        self._skip(segment)
                        break
                    self._entries.append(Entry(frame, segment, segment.read))
                    return self._entries[-1]
        return None

    def acknowledge(self) -> None:
        """The oldest frame that was read is done with."""
        with self._lock:
            if self._closed:
                return
            entry = self._entries.popleft()
            entry.segment.acknowledged = entry.end
            if isinstance(entry.segment, FileSegment):
                os.pwrite(self._cursor, _CURSOR.pack(entry.segment.number, entry.end), 0)
            while len(self._segments) > 1 and _is_done(self._segments[0]):
                self._segments.popleft().remove()

    def rewind(self) -> None:
        """Read again what is not acknowledged; what was dropped since it was read is lost."""
        with self._lock:
            while self._entries:
                entry = self._entries.pop()
                if entry.segment in self._segments:
                    entry.segment.put_back(entry.frame, entry.end)
                else:
                    self._lost(entry.frame.samples, "spill_full")

    def close(self) -> None:
        """Leave what waits to the next process; what is in memory alone is lost.

        A thread that still reads finds nothing more, and what it acknowledges comes again.
        """
        self.rewind()
        with self._lock:
            self._closed = True
            for segment in self._segments:
                if isinstance(segment, MemorySegment) and segment.unread_samples:
                    self._lost(segment.unread_samples, "disk")
                segment.close()
            os.close(self._cursor)
            os.close(self._held)

    def _recover(self) -> None:
        found = os.pread(self._cursor, _CURSOR.size, 0)
        last, done = _CURSOR.unpack(found) if len(found) == _CURSOR.size else (0, 0)
        present = numbers(self._folder)
        self._number = max([last, *present])
        for number in present:
            segment = FileSegment(self._folder, number)
            torn = segment.recover(done if number == last else 0)
            if torn:
                log.warning("%s: dropped %d bytes of a torn tail", segment.path, torn)
            self.torn_bytes += torn
            self._segments.append(segment)
        self._begin()

    def _wants_new_segment(self) -> bool:
        last = self._segments[-1]
        again = isinstance(last, MemorySegment) and time.monotonic() >= self._retry_disk
        return again or last.size >= self._segment_bytes

    def _begin(self) -> None:
        """A new segment, in a file if that can be."""
        self._number += 1
        try:
            self._segments.append(FileSegment(self._folder, self._number))
        except OSError as error:
            self._use_memory(error)
        else:
            self.error = ""

    def _use_memory(self, error: OSError) -> None:
        """Go on in memory for a while, bounded by the size of a segment."""
        self.error = f"{self._folder}: {error.strerror}"
        self._retry_disk = time.monotonic() + DISK_RETRY_SECONDS
        if self._segments and not self._segments[-1].size:
            self._segments.pop().remove()
        in_memory = [one for one in self._segments if isinstance(one, MemorySegment)]
        for segment in in_memory:
            if sum(one.size for one in in_memory) >= self._segment_bytes:
                self._forget(segment, "disk")
        if not (in_memory and self._segments and self._segments[-1] is in_memory[-1]):
            self._segments.append(MemorySegment())

    def _forget(self, segment: Segment, reason: str) -> None:
        """Lose what was not read of a segment; what was, is with the client."""
        if segment.unread_samples:
            self._lost(segment.unread_samples, reason)
        self._segments.remove(segment)
        segment.remove()

    def _skip(self, segment: Segment) -> None:
        """Lose the rest of a segment that cannot be read."""
        if segment.unread_samples:
            self._lost(segment.unread_samples, "unreadable")
        segment.unread_samples = 0
        segment.read = segment.acknowledged = segment.size

    def _size(self) -> int:
        return sum(segment.size for segment in self._segments)


def _is_done(segment: Segment) -> bool:
    return segment.acknowledged == segment.size


def _locked(path: Path) -> int:
    held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        raise Busy(f"another daemon spills to {str(path.parent)!r}: set kafka.spill_path") from None
    return held
