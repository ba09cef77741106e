"""After a crash: every journal without a writer becomes the Parquet file it was meant to be."""

import logging
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from sidecar.archive import layout
from sidecar.archive.journal import Journal, orphans
from sidecar.archive.staging import StagedFile

_log = logging.getLogger(__name__)


@dataclass
class Recovered:
    """What a recovery did."""

    files: int = 0
    """Parquet files written from journals."""
    rows: int = 0
    """Rows in them."""
    torn_bytes: int = 0
    """Bytes at the end of journals that were no whole batch; none of them had been acknowledged
    unless the machine itself went down."""
    failures: int = 0
    """Journals that could not be turned into a file; they stay for the next recovery."""


def recover(root: Path) -> Recovered:
    """Recover every orphaned journal under an archive folder.

    Journals of living writers are locked and left alone. Never raises for a single journal.
    """
    done = Recovered()
    for journal in orphans(root):
        try:
            _recover_one(journal, done)
        except (OSError, pa.ArrowException) as error:
            done.failures += 1
            journal.release()
            _log.warning("cannot recover %s yet: %s", journal.path, error)
    return done


def _recover_one(journal: Journal, done: Recovered) -> None:
    final = layout.final_path(journal.path)
    if not final.exists():
        total = journal.size
        rows = _rewrite(journal, final)
        torn = total - journal.size
        if torn:
            _log.warning("%s: dropped %d bytes of a torn tail", journal.path, torn)
        done.files += rows > 0
        done.rows += rows
        done.torn_bytes += torn
    journal.delete()


def _rewrite(journal: Journal, final: Path) -> int:
    file: StagedFile | None = None
    try:
        for batch, size in journal.batches():
            if file is None:
                staged = layout.staged_path(journal.path)
                file = StagedFile(final, staged, batch.schema)
            file.append(batch, size)
        if file is not None:
            file.finish()
    except BaseException:
        if file is not None:
            file.discard()
        raise
    return file.rows if file else 0
