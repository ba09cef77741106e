"""What moved most at an alert, and what came with it, from the samples that were replayed."""

from datetime import datetime
from pathlib import Path

import pyarrow as pa

from sidecar import archive
from sidecar.drift.alert import FLEET, Alert
from sidecar.drift.archived import FAR, MOST_SAMPLES, Samples, columns_of, explanation

QUERY = """
SELECT $columns
FROM (SELECT * FROM files WHERE $where)
WHERE model_name = $model AND ($every OR coalesce(route, '') = $route)
    AND time >= $first AND time < $last
ORDER BY abs(epoch_us(time) - epoch_us($since)) LIMIT $most
"""
"""`files` has every column of `samples`, and those by layer."""


def ranked(path: Path, where: str, alert: Alert, over: datetime | None) -> Alert:
    """The alert with its `details`, of samples since the change until it was ``over``.

    Of a day at most; a daemon that tells it has only those until it was raised. Raises
    archive.QueryFailed.
    """
    end = alert.since + FAR
    with archive.in_a_line():
        found = explanation(alert, _replayed(path, where, alert), min(over or end, end))
    return alert.model_copy(update={"details": found.details})


def _replayed(path: Path, where: str, alert: Alert) -> Samples:
    history = archive.open(path)
    query = QUERY.replace("$columns", ", ".join(columns_of(alert))).replace("$where", where)
    given = {
        "model": alert.model_name,
        "route": alert.route,
        "every": alert.route == FLEET,
        "since": alert.since,
        "most": MOST_SAMPLES,
    }

    def samples(first: datetime, last: datetime) -> pa.Table:
        return history.sql(query, given | {"first": first, "last": last}).to_arrow_table()

    return samples
