"""Which samples were stored already, so that what comes twice is left out."""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pyarrow as pa
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
        for ids in reversed(archive.steadily(lambda: self._latest(folder))):
            self.remember(ids)

    def _latest(self, folder: Path) -> list[list[str]]:
        latest: list[list[str]] = []
        for ids in archive.latest_ids(folder):
            latest.append(ids)
            if sum(map(len, latest)) >= self._most:
                break
        return latest
