"""Pieces of a queue of frames: in a file, or in memory where the disk takes none.

A frame is 16 bytes (magic, length of the payload, samples in it, CRC-32 of those two and the
payload; little-endian) and the payload.
"""

import logging
import os
import zlib
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import NamedTuple

log = logging.getLogger(__name__)

_HEADER = Struct("<4sIII")
_COUNTS = Struct("<II")
_MAGIC = b"ASp1"
_SUFFIX = ".frames"


class Frame(NamedTuple):
    """A payload and how many samples it has."""

    payload: bytes
    samples: int

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return _HEADER.size + len(self.payload)


class Segment(ABC):
    """Frames one after another, read from the first to the last."""

    def __init__(self) -> None:
        self.size = 0
        """Bytes of all frames."""
        self.read = 0
        """Bytes of those that were read."""
        self.acknowledged = 0
        """Bytes of those that are done with."""
        self.unread_samples = 0
        self.dropped = ""
        """Why what was not acknowledged is lost; empty when it is not."""
        self._whole = True

    @property
    def is_done(self) -> bool:
        """Whether every frame is done with."""
        return self.acknowledged == self.size

    def takes(self, frame: Frame, limit: int) -> bool:
        """Whether a frame may be added; the first may exceed ``limit`` bytes."""
        return self._whole and (not self.size or self.size + frame.size <= limit)

    def append(self, frame: Frame) -> None:
        """Add a frame, or raise OSError and add nothing."""
        self._write(_header(frame) + frame.payload)
        self.size += frame.size
        self.unread_samples += frame.samples

    def next(self) -> Frame | None:
        """The first frame that was not read; None when there is no whole one."""
        frame = self._frame(self.read)
        if frame is not None:
            self.read += frame.size
            self.unread_samples -= frame.samples
        return frame

    def put_back(self, frame: Frame, end: int) -> None:
        """The frame that ends at byte ``end``, the last one read, is to be read again."""
        self.read = end - frame.size
        self.unread_samples += frame.samples

    def cut(self) -> int:
        """Let what was read be all, because the next frame cannot be; the samples lost by that."""
        lost, self.unread_samples = self.unread_samples, 0
        self.size, self._whole = self.read, False
        return lost

    def _frame(self, offset: int) -> Frame | None:
        header = self._bytes(offset, _HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(_MAGIC):
            return None
        _, length, samples, _ = _HEADER.unpack(header)
        frame = Frame(self._bytes(offset + _HEADER.size, length), samples)
        return frame if len(frame.payload) == length and _header(frame) == header else None

    @abstractmethod
    def remove(self) -> None:
        """Give the room back. Raises OSError."""

    @abstractmethod
    def close(self) -> None:
        """Leave what is there for the next process, where that is possible."""

    @abstractmethod
    def _write(self, data: bytes) -> None: ...

    @abstractmethod
    def _bytes(self, offset: int, count: int) -> bytes: ...


class MemorySegment(Segment):
    """Lost with the process."""

    def __init__(self) -> None:
        super().__init__()
        self._data = bytearray()

    def remove(self) -> None:
        """Give the room back."""
        self._data = bytearray()

    def close(self) -> None:
        """Nothing can be left."""

    def _write(self, data: bytes) -> None:
        self._data += data

    def _bytes(self, offset: int, count: int) -> bytes:
        return bytes(self._data[offset : offset + count])


class FileSegment(Segment):
    """A file; what was appended outlives the process."""

    def __init__(self, folder: Path, number: int) -> None:
        """Open or make the file of this number. Raises OSError."""
        super().__init__()
        self.number = number
        self.path = folder / f"{number:020d}{_SUFFIX}"
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)

    def recover(self, done: int) -> int:
        """Find the frames of an earlier process, of which ``done`` bytes are done with.

        What follows the last whole frame is cut off; the bytes of it.
        """
        while (frame := self._frame(self.size)) is not None:
            self.size += frame.size
            if self.size <= done:
                self.read = self.acknowledged = self.size
            else:
                self.unread_samples += frame.samples
        torn = os.fstat(self._file).st_size - self.size
        if torn:
            os.ftruncate(self._file, self.size)
        return torn

    def remove(self) -> None:
        """Delete the file. Raises OSError, and lets go of it all the same."""
        try:
            self.path.unlink(missing_ok=True)
        finally:
            self.close()

    def close(self) -> None:
        """Leave the file."""
        os.close(self._file)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            self._whole = False
            with suppress(OSError):
                os.ftruncate(self._file, self.size)
            raise

    def _bytes(self, offset: int, count: int) -> bytes:
        """Fewer than asked for where the file ends, or cannot be read."""
        try:
            return os.pread(self._file, count, offset)
        except OSError as error:
            log.warning("%s cannot be read at byte %d: %s", self.path, offset, error.strerror)
            return b""


def numbers(folder: Path) -> list[int]:
    """Numbers of the files in a folder, ascending."""
    return sorted(int(file.stem) for file in folder.glob(f"*{_SUFFIX}") if file.stem.isdigit())


def _header(frame: Frame) -> bytes:
    length, samples = len(frame.payload), frame.samples
    check = zlib.crc32(frame.payload, zlib.crc32(_COUNTS.pack(length, samples)))
    return _HEADER.pack(_MAGIC, length, samples, check)
