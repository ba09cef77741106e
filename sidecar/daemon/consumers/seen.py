"""Which samples were stored already, so that what comes twice is left out."""

import logging
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sidecar import archive

log = logging.getLogger(__name__)

MOST = 500_000
"""Ids that are remembered, some 100 MB; the oldest are forgotten."""
CLOCK_SECONDS = 300.0
"""How far the clocks of brokers, producers and archivers may differ."""


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
        """These are stored."""
        self._ids.update(dict.fromkeys(ids))
        while len(self._ids) > self._most:
            self._ids.popitem(last=False)

    def load(self, folder: Path, since: float) -> None:
        """Remember what files of an archive hold that were finished after ``since``.

        Whoever read a record wrote its file after the record was sent, so the files since the first
        record that is read again are all that can hold it.
        """
        for file in archive.open(folder).files:
            if file.stat().st_mtime >= since - CLOCK_SECONDS:
                found = pq.read_table(file, columns=["record_id"], partitioning=None)
                self.remember(found.column("record_id").to_pylist())
