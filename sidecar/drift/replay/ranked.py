"""What moved most at an alert, from the samples that the archive still has."""

from datetime import datetime
from pathlib import Path

import pyarrow as pa

from sidecar import archive
from sidecar.drift.alert import FLEET, Alert
from sidecar.drift.explain import Moved, rank
from sidecar.schema import LAYER_SIGNAL_NAMES

MOST = 5000
"""Samples on either side of a change, the nearest."""
NEVER = 2**62
QUERY = """
SELECT tags, documents_found, layers, $columns
FROM (SELECT * FROM samples WHERE $where)
WHERE model_name = ? AND coalesce(route, '') = ?
    AND epoch_us(time) >= ? AND epoch_us(time) < ?
ORDER BY abs(epoch_us(time) - ?) LIMIT ?
"""


def ranked(path: Path, where: str, alert: Alert, over: datetime | None) -> Alert:
    """The alert with its `details`, from samples since the change until it was ``over``.

    As it is when there are too few samples, or for a fleet.
    """
    if alert.route == FLEET:
        return alert
    since = round(alert.since.timestamp() * 1e6)
    until = round(over.timestamp() * 1e6) if over else NEVER
    before = _samples(path, where, alert, 0, since)
    after = _samples(path, where, alert, since, until)
    found: list[Moved] = rank(before, after, alert.signal)
    return alert.model_copy(update={"details": tuple(found)})


def _samples(path: Path, where: str, alert: Alert, first: int, last: int) -> pa.Table:
    columns = [alert.signal]
    if alert.signal in LAYER_SIGNAL_NAMES:
        columns.append(f"layer_{alert.signal}")
    query = QUERY.replace("$columns", ", ".join(columns)).replace("$where", where)
    near = last if first == 0 else first
    given = [alert.model_name, alert.route, first, last, near, MOST]
    return archive.open(path).sql(query, given).to_arrow_table()
