"""Deploys as annotations: when each version of model, retriever and template was first seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from sidecar import archive
from sidecar.grafana.client import Grafana

TAG = "attention-deploy"
VERSION_TAGS = ("retriever", "prompt_template")
"""Tags of requests that are versions of something."""


@dataclass(frozen=True)
class Deploy:
    """The first sample of one version."""

    time: datetime
    what: str
    """``model`` or the name of the tag."""
    version: str
    model: str

    @property
    def tags(self) -> list[str]:
        """Of the annotation; they are the same whenever this deploy is published."""
        return [TAG, f"{self.what}:{self.version}", f"model_name:{self.model}"]

    def annotation(self) -> dict[str, object]:
        """As Grafana takes it."""
        text = f"{self.what} {self.version} of {self.model} first seen"
        return {"time": _milliseconds(self.time), "tags": self.tags, "text": text}


def seen(folder: Path, tags: Sequence[str] = VERSION_TAGS) -> list[Deploy]:
    """Deploys in an archive, oldest first. The first versions of all are none: nothing changed."""
    columns = {"model": "model_revision"} | {tag: f"tags['{tag}']" for tag in tags}
    found = []
    for what, column in columns.items():
        sql = (
            f"select model_name, {column} as version, min(time) as moment from samples "  # noqa: S608
            f"where {column} is not null group by all order by moment"
        )
        rows = archive.open(folder).sql(sql).fetchall()
        known: set[str] = set()
        for model, version, first in rows:
            if model in known:
                found.append(Deploy(first.astimezone(UTC), what, str(version), model))
            known.add(model)
    return sorted(found, key=lambda one: one.time)


def publish(grafana: Grafana, deploys: Sequence[Deploy], *, dry_run: bool) -> list[Deploy]:
    """Write the annotations that Grafana lacks, and return them. Raises GrafanaError."""
    lacking = [one for one in deploys if not _is_there(grafana, one)]
    if not dry_run:
        for one in lacking:
            grafana.post("/annotations", one.annotation(), repeatable=False)
    return lacking


def _is_there(grafana: Grafana, deploy: Deploy) -> bool:
    query = urlencode([("tags", tag) for tag in deploy.tags] + [("matchAny", "false")])
    return bool(grafana.get(f"/annotations?{query}"))


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
