"""The journal of one Parquet file: an Arrow IPC stream that grows by a batch at a time.

A row counts as stored when it is in a journal. Writing goes to the operating system at once, so a
killed process loses nothing; `fcntl.flock` marks a journal as alive, and the system drops the lock
with the process.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from sidecar.archive import layout

_FOLDER_LOCK = ".lock"


@contextmanager
def _folder_locked(folder: Path) -> Iterator[None]:
    """Nobody may find a journal between its creation and its lock."""
    descriptor = os.open(folder / _FOLDER_LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class Journal:
    """A locked journal; made by `create` or `claim`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.size = os.fstat(descriptor).st_size
        self.broken = False
        """A failed write could not be taken back, so nothing may follow it."""
        self._descriptor = descriptor

    @classmethod
    def create(cls, path: Path, schema: pa.Schema) -> "Journal":
        """A new journal that holds the schema. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with _folder_locked(path.parent):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        journal = cls(path, descriptor)
        try:
            journal._write(schema.serialize())
        except OSError:
            journal.delete()
            raise
        return journal

    @classmethod
    def claim(cls, path: Path) -> "Journal | None":
        """The journal of a writer that is gone; None when its writer lives or it was claimed."""
        with _folder_locked(path.parent):
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
            except FileNotFoundError:
                return None
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return None
        if os.fstat(descriptor).st_nlink == 0:
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    def append(self, batch: pa.RecordBatch) -> int:
        """Hand the batch to the operating system; its bytes. On OSError call `roll_back`."""
        message = batch.serialize()
        self._write(message)
        return len(message)

    def roll_back(self, size: int) -> None:
        """Cut the journal to an earlier size."""
        try:
            os.ftruncate(self._descriptor, size)
            self.size = size
        except OSError:
            self.broken = True

    def batches(self) -> Iterator[tuple[pa.RecordBatch, int]]:
        """The whole batches and their bytes; afterwards `size` is where the last of them ends.

        A tail that was cut off or overwritten ends the iteration. Raises OSError when the system
        cannot read.
        """
        self.size = 0
        with pa.OSFile(str(self.path)) as source:
            try:
                reader = pa.ipc.open_stream(source)
                while True:
                    batch = reader.read_next_batch()
                    batch.validate(full=True)
                    before, self.size = self.size, source.tell()
                    yield batch, self.size - before
            except (StopIteration, pa.ArrowInvalid):
                return
            except OSError as error:
                if error.errno is not None:
                    raise

    def delete(self) -> None:
        """Remove the journal: its rows are elsewhere."""
        self.path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """Leave the journal to `recovery`."""
        os.close(self._descriptor)

    def _write(self, message: pa.Buffer) -> None:
        rest = memoryview(message)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self.size += len(message)


def orphans(root: Path) -> Iterator[Journal]:
    """Claims, one by one, the journals whose writers are gone."""
    for path in sorted((root / layout.JOURNALS).glob(f"*{layout.JOURNAL_SUFFIX}")):
        journal = Journal.claim(path)
        if journal is not None:
            yield journal
