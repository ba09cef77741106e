"""The unit of drift: a request, with the mean of each signal over its sampled steps."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar import archive

Floats = NDArray[np.float64]

PRIMARY = "grounding_score"
FALLBACK = ("context_share", "copy_rate", "lookback_ratio")
"""What pages where a model has no calibrated heads."""
PAGING = (PRIMARY, *FALLBACK)
WATCHED = (*PAGING, "entropy_ratio", "head_concentration")

MEANS = ", ".join(f"avg({name}) AS {name}" for name in WATCHED)
QUERY = f"""
SELECT
    model_name, coalesce(route, '') AS route, epoch_us(min(time)) AS time,
    coalesce(any_value(tags['session']), '') AS session,
    avg(ln(context_length)) AS context, avg(ln(1 + step)) AS position,
    avg(documents_declared) AS documents, {MEANS}
FROM (SELECT * FROM samples WHERE $where)
GROUP BY model_name, route, engine, boot, request_id
ORDER BY time
"""  # noqa: S608 - the archive can only be read


class Stream(NamedTuple):
    """What is watched as one: the requests of a model on a route, '' being none."""

    model: str
    route: str

    def __str__(self) -> str:
        return f"{self.model}, route {self.route or 'none'}"


@dataclass(frozen=True)
class Requests:
    """Requests of one stream, in the order in which they came."""

    time: NDArray[np.int64]
    """[n] microseconds since the epoch."""
    session: NDArray[Any]
    """[n] the `session` tag, '' where there is none."""
    lengths: Floats
    """[n, 3] log context tokens, log (1 + output position), number of documents."""
    signals: Floats
    """[n, len(names)], NaN is not measured."""
    names: tuple[str, ...] = WATCHED

    def __len__(self) -> int:
        return len(self.time)

    def signal(self, name: str) -> Floats:
        """[n] values of one signal."""
        return self.signals[:, self.names.index(name)]

    @classmethod
    def none(cls) -> "Requests":
        """Of length 0."""
        return cls(
            np.zeros(0, dtype=np.int64),
            np.zeros(0, dtype=object),
            np.zeros((0, 3)),
            np.zeros((0, len(WATCHED))),
        )

    def take(self, rows: NDArray[Any] | slice) -> "Requests":
        """Some of them."""
        return Requests(
            self.time[rows],
            self.session[rows],
            self.lengths[rows],
            self.signals[rows],
            self.names,
        )


def read(path: Path, where: str = "true") -> dict[Stream, Requests]:
    """Requests of an archive by stream; ``where`` is SQL over the view ``samples``.

    Raises archive.QueryFailed.
    """
    with archive.in_a_line():
        table = archive.open(path).sql(QUERY.replace("$where", where)).to_arrow_table()
    return _by_stream(table)


def _by_stream(table: Any) -> dict[Stream, Requests]:
    def column(name: str) -> Floats:
        values: Floats = table.column(name).to_numpy().astype(np.float64)
        return values

    def texts(name: str) -> NDArray[Any]:
        return np.asarray(table.column(name).to_pylist(), dtype=object)

    every = Requests(
        time=table.column("time").to_numpy().astype(np.int64),
        session=texts("session"),
        lengths=np.column_stack([column(name) for name in ("context", "position", "documents")]),
        signals=np.column_stack([column(name) for name in WATCHED]),
    )
    models, routes = texts("model_name"), texts("route")
    streams = sorted(set(zip(models, routes, strict=True)))
    return {
        Stream(*stream): every.take((models == stream[0]) & (routes == stream[1]))
        for stream in streams
    }
