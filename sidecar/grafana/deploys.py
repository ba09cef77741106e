"""Deploys as annotations: when a version of model, retriever or template came, or came back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template
from urllib.parse import urlencode

from sidecar import archive
from sidecar.grafana.client import Grafana

TAG = "attention-deploy"
AWAY_REQUESTS = 100
"""Requests of other versions on its route after which a version that is seen has come back."""
SAME = timedelta(hours=1)
"""Routes to which a version comes within this time are one deploy."""
VERSION_TAGS = ("retriever", "prompt_template")
"""Tags of requests that are versions of something."""


_QUERY = """
WITH requests AS (
    SELECT model_name, route, request_id, $column AS version, min(time) AS moment
    FROM samples WHERE $column IS NOT NULL GROUP BY ALL
), placed AS (
    SELECT *,
        row_number() OVER (PARTITION BY model_name, route ORDER BY moment, request_id) AS place
    FROM requests
), spaced AS (
    SELECT model_name, version, moment,
        place - lag(place) OVER (PARTITION BY model_name, route, version ORDER BY place) AS gap,
        row_number() OVER (PARTITION BY model_name, version ORDER BY moment) AS appearance
    FROM placed
)
SELECT model_name, version, moment, appearance > 1 AS again FROM spaced
WHERE appearance = 1 OR gap > $away ORDER BY moment
"""


@dataclass(frozen=True)
class Deploy:
    """The first sample of one version, or the first after it was away."""

    time: datetime
    what: str
    """``model`` or the name of the tag."""
    version: str
    model: str
    again: bool = False
    """Whether it came back, as by a rollback."""

    @property
    def tags(self) -> list[str]:
        """Of the annotation; they are the same whenever this deploy is published."""
        return [TAG, f"{self.what}:{self.version}", f"model_name:{self.model}"]

    def annotation(self) -> dict[str, object]:
        """As Grafana takes it."""
        return {"time": _milliseconds(self.time), "tags": self.tags, "text": self.sentence}

    @property
    def sentence(self) -> str:
        """What happened."""
        seen = "seen again" if self.again else "first seen"
        return f"{self.what} {self.version} of {self.model} {seen}"


def seen(folder: Path, tags: Sequence[str] = VERSION_TAGS) -> list[Deploy]:
    """Deploys in an archive, oldest first. The first versions of all are none: nothing changed.

    Raises archive.QueryFailed.
    """
    columns = {"model": "model_revision"} | {tag: f"tags['{tag}']" for tag in tags}
    found = [one for what, column in columns.items() for one in _deploys(folder, what, column)]
    return sorted(found, key=lambda one: one.time)


def _deploys(folder: Path, what: str, column: str) -> Iterator[Deploy]:
    known: set[str] = set()
    latest: dict[tuple[str, str], datetime] = {}
    for model, version, first, again in _rows(folder, column):
        moment = first.astimezone(UTC)
        before = latest.get((model, version))
        if model in known and (before is None or moment - before > SAME):
            latest[model, version] = moment
            yield Deploy(moment, what, str(version), model, again)
        known.add(model)


def _rows(folder: Path, column: str) -> list[tuple[str, str, datetime, bool]]:
    sql = Template(_QUERY).substitute(column=column, away=AWAY_REQUESTS)
    with archive.in_a_line():
        rows: list[tuple[str, str, datetime, bool]] = archive.open(folder).sql(sql).fetchall()
    return rows


def publish(grafana: Grafana, deploys: Sequence[Deploy], *, dry_run: bool) -> list[Deploy]:
    """Write the annotations that Grafana lacks, and return them. Raises GrafanaError."""
    lacking = [one for one in deploys if not _is_there(grafana, one)]
    if not dry_run:
        for one in lacking:
            grafana.post("/annotations", one.annotation(), repeatable=False)
    return lacking


def _is_there(grafana: Grafana, deploy: Deploy) -> bool:
    around = {
        "from": _milliseconds(deploy.time - SAME),
        "to": _milliseconds(deploy.time + SAME),
        "matchAny": "false",
    }
    query = urlencode([*(("tags", tag) for tag in deploy.tags), *around.items()])
    return bool(grafana.get(f"/annotations?{query}"))


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
