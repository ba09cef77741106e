"""Where things lie in an archive folder.

``date=2026-11-23/hour=8/<writer>-<uuid7>.parquet`` are the finished files. ``_journal/`` belongs to
writers: a journal is called after the file it will become, and readers skip the folder.
"""

import re
import secrets
import socket
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sidecar.archive.precision import view

JOURNALS = "_journal"
JOURNAL_SUFFIX = ".arrows"
STAGED_SUFFIX = ".staged"
MERGED_SUFFIX = ".merged"
DATA_GLOB = "date=*/hour=*/*.parquet"

_HOUR_US = 3_600_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_HOUR = int((datetime(9999, 12, 31, 23, tzinfo=UTC) - _EPOCH) / timedelta(hours=1))


def partition(hour: int) -> str:
    """Folder of an hour, counted since the epoch in UTC; numbers are not padded with zeros."""
    moment = _EPOCH + timedelta(hours=hour)
    return f"date={moment:%Y-%m-%d}/hour={moment.hour}"


def hour_of(folder: str) -> int:
    """The hour whose folder this is, as `partition` names it. Raises ValueError."""
    found = re.fullmatch(r"date=(\d{4}-\d\d-\d\d)/hour=(\d{1,2})", folder)
    if found:
        day = datetime.fromisoformat(found[1]).replace(tzinfo=UTC) - _EPOCH
        hour = day // timedelta(hours=1) + int(found[2])
        if partition(hour) == folder:
            return hour
    raise ValueError(f"folder is {folder!r}, expected one such as 'date=2026-11-23/hour=8'")


def new_journal(root: Path, writer: str, hour: int) -> Path:
    """Path of a journal that no writer has used before."""
    file = f"{partition(hour)}/{unique_name(writer)}"
    return root / JOURNALS / (file.replace("/", ",") + JOURNAL_SUFFIX)


def final_path(journal: Path) -> Path:
    """Parquet file that a journal becomes."""
    relative = journal.name.removesuffix(JOURNAL_SUFFIX).replace(",", "/")
    return journal.parent.parent / f"{relative}.parquet"


def staged_path(journal: Path) -> Path:
    """The same file while it is being written: beside the journal, out of the readers' sight."""
    return journal.with_suffix(STAGED_SUFFIX)


def merged_path(root: Path, folder: str, name: str) -> Path:
    """A file of an hour's folder while compaction writes it: out of the readers' sight as well."""
    return root / JOURNALS / f"{folder},{name}{MERGED_SUFFIX}".replace("/", ",")


def merged_folder(file: Path) -> str:
    """Folder of the hour that such a file is for."""
    return "/".join(file.name.split(",")[:2])


def has_journals(root: Path, folder: str) -> bool:
    """Whether there are rows of the hour whose file a writer has not finished yet."""
    hour = folder.replace("/", ",")
    return any((root / JOURNALS).glob(f"{hour},*{JOURNAL_SUFFIX}"))


def writer_name(name: str | None) -> str:
    """A name fit for file names; by default the host's."""
    if name is None:
        return re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname()) or "writer"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", name):
        raise ValueError(f"writer name is {name!r}, expected letters, digits, '.' and '-'")
    return name


def split_by_hour(batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The batch's rows by the UTC hour of their ``time``, in their order.

    Raises ValueError for a time outside the years 1970 to 9999, which no reader could take.
    """
    hours = view(batch.column("time"), np.int64) // _HOUR_US
    if hours.size == 0:
        return
    first, last = int(hours.min()), int(hours.max())
    if first < 0 or last > _LAST_HOUR:
        row = int(np.flatnonzero((hours < 0) | (hours > _LAST_HOUR))[0])
        record = batch.column("record_id")[row].as_py()
        raise ValueError(f"field 'time' of record {record!r} is outside the years 1970 to 9999")
    if first == last:
        yield first, batch
        return
    for hour in np.unique(hours):
        yield int(hour), batch.take(pc.indices_nonzero(pa.array((hours == hour).tolist())))


def unique_name(writer: str) -> str:
    """Name of a file, without suffix, that no writer has used before."""
    return f"{writer}-{_uuid7()}"


def _uuid7() -> uuid.UUID:
    """Version 7 of RFC 9562: milliseconds since the epoch, then random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(74)
    high = (milliseconds << 16) | 0x7000 | (random >> 62)
    return uuid.UUID(int=(high << 64) | (0b10 << 62) | (random & ((1 << 62) - 1)))
