"""The Parquet archive as a sink."""

import pyarrow as pa

from sidecar import config
from sidecar.archive import StorageError, Writer
from sidecar.daemon.sinks.base import Final, Retryable, Sink


class ArchiveSink(Sink):
    """Appends to the archive; a failing disk is tried again."""

    name = "archive"

    def __init__(self, settings: config.Archive) -> None:
        self._settings = settings
        self._writer: Writer | None = None

    def start(self) -> None:
        """Open the archive."""
        self._writer = Writer(self._settings)

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch of `schema.RECORD`."""
        assert self._writer is not None
        try:
            self._writer.append(batch)
        except StorageError as error:
            raise Retryable(str(error), delay=2.0) from error
        except ValueError as error:
            raise Final(str(error)) from error

    def tick(self, now: float) -> None:  # noqa: ARG002 - the writer has its clock
        """Close files that are old enough."""
        if self._writer is not None:
            self._writer.tick()

    def stop(self, deadline: float) -> None:  # noqa: ARG002 - closing is not divisible
        """Close the files."""
        if self._writer is not None:
            self._writer.close()
