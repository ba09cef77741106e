"""The segments of a queue: on disk, and in memory what the disk does not take. Both are bounded."""

import logging
import time
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from sidecar.daemon.sinks.kafka.cursor import Place
from sidecar.daemon.sinks.kafka.segment import FileSegment, Frame, MemorySegment, Segment, numbers

log = logging.getLogger(__name__)

SEGMENT_BYTES = 8 << 20
MEMORY_BYTES = 8 << 20
"""What is kept in memory at most."""
MEMORY_SEGMENTS = 8
"""Pieces of that, of which the oldest are lost."""
DISK_RETRY_SECONDS = 5.0

Lost = Callable[[int, str], object]
"""Told how many samples are lost and why: `spill_full`, `disk` or `unreadable`."""


class Store:
    """Segments, oldest first. Not for several threads at a time."""

    def __init__(self, folder: Path, max_bytes: int, lost: Lost) -> None:
        self.error = ""
        """Why the disk takes nothing; empty when it does."""
        self.torn_bytes = 0
        """Bytes that a crash left incomplete."""
        self.segments: deque[Segment] = deque()
        self._folder, self._max_bytes, self._lost = folder, max_bytes, lost
        self._segment_bytes = min(SEGMENT_BYTES, max_bytes // 4)
        self._memory_bytes = min(MEMORY_BYTES, max_bytes)
        self._number = 0
        self._retry_disk = 0.0

    @property
    def size(self) -> int:
        """Bytes on disk and in memory."""
        return _size(self.segments)

    def recover(self, done: Place) -> None:
        """Take over the files of an earlier process. Raises OSError."""
        self._number = done.segment
        for number in numbers(self._folder):
            segment = FileSegment(self._folder, number)
            self.segments.append(segment)
            if number < done.segment:
                self._remove(segment)
                continue
            self._number = number
            torn = segment.recover(done.end if number == done.segment else 0)
            if torn:
                log.warning("%s: dropped %d bytes of a torn tail", segment.path, torn)
            self.torn_bytes += torn

    def append(self, frame: Frame) -> None:
        """Add a frame; where there is no room, the oldest segments are lost."""
        if not self._has_room(frame, self.segments, self._max_bytes, "spill_full"):
            return
        if time.monotonic() >= self._retry_disk:
            try:
                self._file_for(frame).append(frame)
            except OSError as error:
                self._give_up_disk(error)
            else:
                self.error = ""
                return
        if self._has_room(frame, self._in_memory(), self._memory_bytes, "disk"):
            self._memory_for(frame).append(frame)

    def remove_done(self) -> None:
        """Remove what is acknowledged, but for the last segment, which may grow."""
        while len(self.segments) > 1 and self.segments[0].is_done:
            self._remove(self.segments[0])

    def close(self) -> None:
        """Leave what waits to the next process; what is in memory alone is lost."""
        for segment in self.segments:
            if isinstance(segment, MemorySegment) and segment.unread_samples:
                self._lost(segment.unread_samples, "disk")
            with suppress(OSError):
                (segment.remove if segment.is_done else segment.close)()

    def _has_room(self, frame: Frame, among: Collection[Segment], limit: int, reason: str) -> bool:
        """Make room by losing the oldest; a frame larger than all the room is lost itself."""
        if frame.size > limit:
            self._lost(frame.samples, reason)
            return False
        size = _size(among) + frame.size
        for segment in tuple(among):
            if size <= limit:
                break
            size -= segment.size
            self._drop(segment, reason)
        return True

    def _file_for(self, frame: Frame) -> Segment:
        last = self.segments[-1] if self.segments else None
        if isinstance(last, FileSegment) and last.takes(frame, self._segment_bytes):
            return last
        self._number += 1
        self.segments.append(FileSegment(self._folder, self._number))
        return self.segments[-1]

    def _memory_for(self, frame: Frame) -> Segment:
        last = self.segments[-1] if self.segments else None
        piece = self._memory_bytes // MEMORY_SEGMENTS
        if not (isinstance(last, MemorySegment) and last.takes(frame, piece)):
            self.segments.append(MemorySegment())
        return self.segments[-1]

    def _give_up_disk(self, error: OSError) -> None:
        """Go on in memory for a while."""
        if self.segments and not self.segments[-1].size:
            self._remove(self.segments[-1])
        self.error = str(error.strerror)
        self._retry_disk = time.monotonic() + DISK_RETRY_SECONDS

    def _in_memory(self) -> list[Segment]:
        return [segment for segment in self.segments if isinstance(segment, MemorySegment)]

    def _drop(self, segment: Segment, reason: str) -> None:
        """Lose what was not read of a segment; what was, is with the client."""
        if segment.unread_samples:
            self._lost(segment.unread_samples, reason)
        segment.dropped = reason
        self._remove(segment)

    def _remove(self, segment: Segment) -> None:
        self.segments.remove(segment)
        try:
            segment.remove()
        except OSError as error:
            self.error = str(error.strerror)


def _size(segments: Collection[Segment]) -> int:
    return sum(segment.size for segment in segments)
