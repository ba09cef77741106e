"""Which samples were stored already, so that what comes twice is left out."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sidecar import archive

MOST = 500_000
"""Ids that are remembered, some 100 MB; the oldest are forgotten."""


class Seen:
    """The latest record ids."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._ids: OrderedDict[str, None] = OrderedDict()

    def fresh(self, batch: pa.RecordBatch) -> NDArray[np.bool_]:
        """``[rows]``: the first row of each id that is not remembered."""
        ids = batch.column("record_id").to_pylist()
        first = {record: row for row, record in reversed(list(enumerate(ids)))}
        found = (record not in self._ids and first[record] == row for row, record in enumerate(ids))
        return np.fromiter(found, dtype=bool, count=len(ids))

    def remember(self, ids: list[str]) -> None:
        """These are stored, and the latest."""
        for record in ids:
            self._ids[record] = None
            self._ids.move_to_end(record)
        while len(self._ids) > self._most:
            self._ids.popitem(last=False)

    def load(self, folder: Path) -> None:
        """Remember what the latest files of an archive hold, as many ids as there is room for."""
        latest: list[list[str]] = []
        for file in _latest_first(archive.open(folder).files):
            if sum(map(len, latest)) >= self._most:
                break
            found = pq.read_table(file, columns=["record_id"], partitioning=None)
            latest.append(found.column("record_id").to_pylist())
        for ids in reversed(latest):
            self.remember(ids)


def _latest_first(files: list[Path]) -> Iterator[Path]:
    """By the time they were finished; paths would sort hour=10 before hour=9."""
    finished: dict[Path, float] = {}
    for file in files:
        with suppress(FileNotFoundError):  # another may thin the archive out
            finished[file] = file.stat().st_mtime
    yield from sorted(finished, key=finished.__getitem__, reverse=True)
