"""What a restart goes on from: a snapshot, and a journal of the samples that came after it.

The snapshot is written beside and renamed, and names its journal; the next one begins another, so
no sample is in both. Samples are in the journal before they are looked at: a killed process loses
none of them. A machine that loses its power loses the last seconds.
"""

import fcntl
import json
import logging
import os
from collections.abc import Iterator, Mapping
from itertools import chain, count
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

log = logging.getLogger(__name__)

VERSION = 1
SNAPSHOT = "state.json"
_JOURNAL = "journal-{}.arrows"


class Busy(RuntimeError):
    """Another process uses the folder."""


class Unreadable(ValueError):
    """A snapshot that this version did not write."""


class Store:
    """One folder. Belongs to one thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.error = ""
        """Why the disk does not take it now; empty when it does."""
        self.failures = 0
        """Writes that the disk did not take."""
        self.torn_bytes = 0
        """Bytes at the journal's end that a crash left incomplete."""
        self._lock: IO[bytes] | None = None
        self._number = 0
        self._journal: IO[bytes] | None = None

    def open(self) -> dict[str, Any] | None:
        """Take the folder and read what an earlier process left; None when there is nothing.

        Raises Busy, Unreadable and OSError.
        """
        self._take()
        path = self.folder / SNAPSHOT
        if not path.exists():
            return None
        try:
            found = json.loads(path.read_bytes())
            if found["version"] != VERSION:
                raise Unreadable(f"{path} is version {found['version']}, expected {VERSION}")
            self._number = int(found["journal"])
        except (ValueError, KeyError, TypeError) as error:
            raise (
                error
                if isinstance(error, Unreadable)
                else Unreadable(f"{path} is no state of this daemon: {error!r}")
            ) from None
        return dict(found)

    def journalled(self) -> Iterator[pa.RecordBatch]:
        """Samples that came after the snapshot; a torn end is left out and counted."""
        path = self._path(self._number)
        if not path.exists():
            return
        with path.open("rb") as file:
            size, done = os.fstat(file.fileno()).st_size, 0
            while done < size:
                try:
                    yield from pa.ipc.open_stream(file)
                except (pa.ArrowInvalid, OSError):
                    self.torn_bytes += size - done
                    log.warning("%s: dropped %d bytes of a torn tail", path, size - done)
                    return
                done = file.tell()

    def append(self, batch: pa.RecordBatch) -> None:
        """Note samples before they are looked at; where the disk takes none, that is counted."""
        try:
            if self._journal is None:
                self._journal = self._path(self._number).open("ab", buffering=0)
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, batch.schema) as writer:
                writer.write_batch(batch)
            self._journal.write(sink.getvalue())
        except OSError as error:
            self._failed(error)

    def save(self, state: Mapping[str, Any]) -> bool:
        """Write a snapshot and begin a journal; whether the disk took it."""
        following = self._number + 1
        body = {"version": VERSION, "journal": following, **state}
        beside = self.folder / f".{SNAPSHOT}"
        try:
            with beside.open("wb") as file:
                file.write(json.dumps(body, allow_nan=False).encode())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.folder / SNAPSHOT)
            self._begin(following)
        except OSError as error:
            self._failed(error)
            return False
        self.error = ""
        return True

    def set_aside(self) -> Path:
        """Keep a snapshot that is of no use beside the one that will be; it replaces none."""
        numbered = (f"state.refused.{number}.json" for number in count(2))
        names = map(self.folder.joinpath, chain(["state.refused.json"], numbered))
        kept = next(path for path in names if not path.exists())
        (self.folder / SNAPSHOT).replace(kept)
        self._begin(self._number + 1)
        return kept

    def close(self) -> None:
        """Let go of the folder."""
        for file in (self._journal, self._lock):
            if file is not None:
                file.close()
        self._journal = self._lock = None

    def _begin(self, number: int) -> None:
        if self._journal is not None:
            self._journal.close()
        self._journal, self._number = None, number
        for left in self.folder.glob(_JOURNAL.format("*")):
            if left != self._path(number):
                left.unlink()

    def _path(self, number: int) -> Path:
        return self.folder / _JOURNAL.format(number)

    def _take(self) -> None:
        if self._lock is not None:
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (self.folder / "lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise Busy(f"another daemon uses {str(self.folder)!r}: set drift.state_path") from None
        self._lock = lock

    def _failed(self, error: OSError) -> None:
        self.failures += 1
        self.error = f"{self.folder}: {error.strerror or error}"
