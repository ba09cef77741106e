"""When the rows of a file were finished: of one that compaction made, the files it was made of.

An archiver knows what is stored by what was finished last, so merging must not make rows look new.
"""

import heapq
import json
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sidecar.archive.reading import open_archive

KEY = b"attention_finished"
"""In the metadata of a file of several origins: ``[[rows, seconds], …]`` in the rows' order."""

_STEP = 60
"""Seconds; rows finished within the same minute are told together."""

Seconds = npt.NDArray[np.int32]
"""[rows] since the epoch, in whole minutes."""


def finished(file: Path, footer: pq.FileMetaData) -> Seconds:
    """When each row of a file was finished. Raises OSError."""
    rows, times = zip(*_parts(file, footer), strict=True)
    return np.repeat(np.array(times, np.int32), rows)


def metadata(times: Sequence[Seconds]) -> tuple[dict[bytes, bytes], int]:
    """Metadata of a file whose rows were finished at these times, and the last of them."""
    every = np.concatenate(times)
    starts = np.flatnonzero(np.diff(every, prepend=-1))
    rows = np.diff(starts, append=len(every))
    parts = list(zip(rows.tolist(), every[starts].tolist(), strict=True))
    return {KEY: json.dumps(parts, separators=(",", ":")).encode()}, int(every.max())


def latest_ids(folder: Path) -> Iterator[list[str]]:
    """Record ids of an archive, those of the rows that were finished last first.

    Raises FileNotFoundError when a file is replaced meanwhile.
    """
    number = count()
    waiting: list[tuple[float, int, Path | pa.ChunkedArray]] = [
        (-file.stat().st_mtime, next(number), file) for file in open_archive(folder).files
    ]
    heapq.heapify(waiting)
    while waiting:
        _, _, latest = heapq.heappop(waiting)
        if isinstance(latest, Path):
            for time, ids in _ids(latest):
                heapq.heappush(waiting, (-time, next(number), ids))
        else:
            yield latest.to_pylist()


def _ids(file: Path) -> Iterator[tuple[float, pa.ChunkedArray]]:
    opened = pq.ParquetFile(file)
    ids = opened.read(columns=["record_id"]).column("record_id")
    start = 0
    for rows, time in _parts(file, opened.metadata):
        yield time, ids.slice(start, rows)
        start += rows


def _parts(file: Path, footer: pq.FileMetaData) -> list[tuple[int, int]]:
    """Rows and the minute in which they were finished, rounded up."""
    noted = (footer.metadata or {}).get(KEY)
    if noted:
        return [(int(rows), int(time)) for rows, time in json.loads(noted)]
    return [(footer.num_rows, -int(-file.stat().st_mtime // _STEP) * _STEP)]
