"""Up to where a queue on disk is acknowledged."""

import fcntl
import os
from pathlib import Path
from struct import Struct
from typing import NamedTuple

_PLACE = Struct("<QQ")


class Busy(RuntimeError):
    """Another process uses the folder."""


class Place(NamedTuple):
    """All segments numbered lower, and so many bytes of this one, are done with."""

    segment: int
    end: int


class Cursor:
    """A file with a place, locked: who has it has the folder alone."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError, and Busy when another process has it."""
        self.error = ""
        """Why the last place is not on disk; empty when it is."""
        self._file = os.open(folder / "cursor", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._lock(folder)
            self.start = self._read()
        except BaseException:
            self.close()
            raise
        self.move(self.start)  # a file that has its block can be written on a full disk

    def move(self, place: Place) -> None:
        """Write a place down; what keeps the disk from it is in `error`."""
        try:
            os.pwrite(self._file, _PLACE.pack(*place), 0)
        except OSError as error:
            self.error = f"cursor: {error.strerror}"
        else:
            self.error = ""

    def close(self) -> None:
        """Leave the folder to others."""
        os.close(self._file)

    def _lock(self, folder: Path) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"another daemon has {str(folder)!r}") from None

    def _read(self) -> Place:
        found = os.pread(self._file, _PLACE.size, 0)
        return Place(*_PLACE.unpack(found)) if len(found) == _PLACE.size else Place(0, 0)
