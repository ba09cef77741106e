"""The archive's writer: rows go to a journal, and from there into Parquet files, each row once.

A file is opened for the UTC hour of its rows and closed by age or size. `append` returns when the
rows are in the journal; whatever happens to the process after that, they will be in the archive.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from sidecar import config, schema
from sidecar.archive import layout
from sidecar.archive.journal import Journal
from sidecar.archive.recovery import Recovered, recover
from sidecar.archive.staging import StagedFile

_log = logging.getLogger(__name__)

MAX_OPEN_HOURS = 4
"""Hours that may have an open file; rows of a further one close the oldest file."""


class StorageError(OSError):
    """The disk did not take a batch; no row of it is stored, and it may be appended again."""


@dataclass
class Counts:
    """What a writer has done since it was made."""

    rows: int = 0
    """Rows stored."""
    refused_rows: int = 0
    """Rows of batches that the disk did not take."""
    files: int = 0
    """Parquet files finished, those of recoveries left out."""
    staging_failures: int = 0
    """Files that could not be written; their journals wait for a recovery."""
    recovered_files: int = 0
    recovered_rows: int = 0
    torn_bytes: int = 0
    """See `recovery.Recovered`."""
    recovery_failures: int = 0


class _OpenFile:
    def __init__(self, journal: Journal, kind: pa.Schema, opened: float) -> None:
        self.journal = journal
        self.opened = opened
        self.healthy = True
        self.parquet = StagedFile(
            layout.final_path(journal.path), layout.staged_path(journal.path), kind
        )


class Writer:
    """Appends batches to an archive folder. Belongs to one thread; a folder may have many writers.

    ``name`` goes into file names and is the host's by default. Makes the folder and recovers what
    dead writers left there. Raises OSError when the folder cannot be made.
    """

    def __init__(
        self,
        settings: config.Archive,
        *,
        name: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts = Counts()
        self._settings = settings
        self._kind = schema.RECORD if settings.per_head else schema.SCALAR_RECORD
        self._name = layout.writer_name(name)
        self._clock = clock
        self._files: dict[int, _OpenFile] = {}
        self._closed = False
        (settings.path / layout.JOURNALS).mkdir(parents=True, exist_ok=True)
        self.recover()

    def append(self, batch: pa.RecordBatch) -> None:
        """Store a batch of `schema.RECORD`, all of it or nothing.

        Raises SchemaMismatch, ValueError for a null or a time that cannot be stored, and
        StorageError when the disk does not take it.
        """
        if self._closed:
            raise ValueError("the archive writer is closed")
        parts = list(layout.split_by_hour(self._check(batch)))
        sizes = self._journal(parts)
        self.counts.rows += len(batch)
        for (hour, part), size in zip(parts, sizes, strict=True):
            self._stage(hour, part, size)

    def tick(self, now: float | None = None) -> None:
        """Close files that are old enough; ``now`` is by the writer's clock. Call every second."""
        now = self._clock() if now is None else now
        for hour, file in list(self._files.items()):
            if now - file.opened >= self._settings.roll_seconds:
                self._close_file(hour)
        if now - self._recovered_at >= self._settings.roll_seconds:
            self.recover()

    def flush(self) -> None:
        """Close every file now, so that readers see its rows.

        Rows whose file cannot be written wait in their journal.
        """
        for hour in list(self._files):
            self._close_file(hour)

    def close(self) -> None:
        """The same, for good."""
        self._closed = True
        self.flush()

    def recover(self) -> None:
        """Make files of the journals that dead writers left in the folder."""
        self._recovered_at = self._clock()
        done: Recovered = recover(self._settings.path)
        self.counts.recovered_files += done.files
        self.counts.recovered_rows += done.rows
        self.counts.torn_bytes += done.torn_bytes
        self.counts.recovery_failures += done.failures

    def _check(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The columns to store, in their order."""
        if not batch.schema.equals(schema.RECORD, check_metadata=True):
            schema.check(batch, schema.RECORD)
        if batch.schema.names != self._kind.names:
            batch = batch.select(self._kind.names)
        for field, column in zip(self._kind, batch.columns, strict=True):
            if not field.nullable and column.null_count:
                raise ValueError(f"field {field.name!r} holds {column.null_count} nulls")
        return batch

    def _journal(self, parts: list[tuple[int, pa.RecordBatch]]) -> list[int]:
        """Bytes of each part; on any error no part is in a journal."""
        written: list[tuple[Journal, int]] = []
        sizes = []
        try:
            for hour, part in parts:
                journal = self._file(hour).journal
                written.append((journal, journal.size))
                sizes.append(journal.append(part))
        except BaseException as error:
            for journal, size in written:
                journal.roll_back(size)
            if isinstance(error, OSError):
                raise self._refusal(sum(len(part) for _, part in parts), error) from error
            raise
        return sizes

    def _refusal(self, rows: int, error: OSError) -> StorageError:
        self.counts.refused_rows += rows
        message = f"cannot store {rows} rows in {self._settings.path}: {error.strerror}"
        return StorageError(error.errno, message)

    def _file(self, hour: int) -> _OpenFile:
        if hour in self._files and self._files[hour].journal.broken:
            self._close_file(hour)
        if hour not in self._files:
            path = layout.new_journal(self._settings.path, self._name, hour)
            journal = Journal.create(path, self._kind)
            self._files[hour] = _OpenFile(journal, self._kind, self._clock())
        return self._files[hour]

    def _stage(self, hour: int, part: pa.RecordBatch, size: int) -> None:
        file = self._files[hour]
        if file.healthy:
            try:
                file.parquet.append(part, size)
            except (OSError, pa.ArrowException) as error:
                self._give_up(file, error)
        if file.journal.size >= self._settings.roll_mb << 20:
            self._close_file(hour)
        elif len(self._files) > MAX_OPEN_HOURS:
            self._close_file(next(iter(self._files)))

    def _close_file(self, hour: int) -> None:
        file = self._files.pop(hour)
        try:
            if file.healthy and file.parquet.rows:
                file.parquet.finish()
                self.counts.files += 1
            if file.healthy:
                file.journal.delete()
                return
        except (OSError, pa.ArrowException) as error:
            self._give_up(file, error)
        file.journal.release()

    def _give_up(self, file: _OpenFile, error: Exception) -> None:
        file.healthy = False
        file.parquet.discard()
        self.counts.staging_failures += 1
        _log.warning("cannot write %s yet, its journal stays: %s", file.parquet.final, error)
