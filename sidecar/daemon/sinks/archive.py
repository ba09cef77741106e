"""The Parquet archive as a sink."""

from collections.abc import Iterator

import pyarrow as pa
from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric

from sidecar import config
from sidecar.archive import Counts, StorageError, Writer
from sidecar.daemon.sinks.base import Final, Retryable, Sink

COUNTERS = {
    "rows": "Samples stored.",
    "files": "Parquet files finished.",
    "refused_rows": "Samples that the disk did not take at the first try.",
    "staging_failures": "Files that could not be written and wait in their journal.",
    "recovered_files": "Files made from the journals of writers that died.",
    "recovered_rows": "Samples in those files.",
    "torn_bytes": "Bytes at the end of journals that a crash left incomplete.",
    "recovery_failures": "Journals that could not be made into files.",
}


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

    def flush(self) -> None:
        """Close the files, so that readers see their rows."""
        assert self._writer is not None
        failures = self._writer.counts.staging_failures
        self._writer.flush()
        if self._writer.counts.staging_failures > failures:
            raise StorageError("a file cannot be written yet; its rows wait in the journal")

    def collect(self) -> Iterator[Metric]:
        """`attention_sidecar_archive_*`."""
        counts = self._writer.counts if self._writer is not None else Counts()
        for name, doc in COUNTERS.items():
            family = f"attention_sidecar_archive_{name}"
            yield CounterMetricFamily(family, doc, value=getattr(counts, name))

    def stop(self, deadline: float) -> None:  # noqa: ARG002 - closing is not divisible
        """Close the files."""
        if self._writer is not None:
            self._writer.close()
