"""Brings dashboards, alert rules and a contact point into Grafana; a second run does nothing."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import yaml

from sidecar.grafana.boards import Board, boards, generated
from sidecar.grafana.client import Grafana
from sidecar.grafana.differences import differences

FOLDER = {"uid": "attention-sidecar", "title": "Attention"}
CONTACT = "attention-sidecar"
_PLACEHOLDER = "http://localhost:3000"
_INTERVAL_SECONDS = 60

Action = Literal["create", "update", "keep"]


@dataclass(frozen=True)
class Step:
    """One thing in Grafana, and what is or would be done to it."""

    kind: str
    name: str
    action: Action
    changes: Sequence[str] = ()
    """A line for each field that differs."""


@dataclass(frozen=True)
class Publication:
    """What to bring where."""

    grafana: Grafana
    url: str
    """Of Grafana, for the links in alerts."""
    datasource: str
    """Uid of the Prometheus data source that alert rules ask."""
    webhook: str | None = None
    """Where alerts go; without it Grafana's own notification policy decides."""
    dry_run: bool = False
    folder: Path = field(default_factory=generated)

    def run(self) -> Iterator[Step]:
        """Do it step by step, or with ``dry_run`` only say what would be done.

        Raises GrafanaError.
        """
        yield self._folder()
        for board in boards(self.folder):
            yield self._board(board)
        if self.webhook:
            yield self._contact(self.webhook)
        for group in self.groups():
            yield self._group(group)

    def groups(self) -> list[dict[str, Any]]:
        """Rule groups as the provisioning API takes them."""
        text = (self.folder / "grafana/alerting/attention.yaml").read_text(encoding="utf-8")
        tree = yaml.safe_load(text.replace(_PLACEHOLDER, self.url.rstrip("/")))
        return [self._as_sent(group) for group in tree["groups"]]

    def _as_sent(self, group: dict[str, Any]) -> dict[str, Any]:
        rules = json.loads(json.dumps(group["rules"]))
        for rule in rules:
            rule |= {"folderUID": FOLDER["uid"], "ruleGroup": group["name"]}
            if self.webhook:
                rule["notification_settings"] = {"receiver": CONTACT}
            for query in rule["data"]:
                if query["datasourceUid"] != "__expr__":
                    query["datasourceUid"] = self.datasource
        return {
            "title": group["name"],
            "folderUid": FOLDER["uid"],
            "interval": _INTERVAL_SECONDS,
            "rules": rules,
        }

    def _folder(self) -> Step:
        found = self.grafana.get(f"/folders/{FOLDER['uid']}")
        step = _step("folder", FOLDER["title"], FOLDER, found)
        if step.action == "create" and not self.dry_run:
            self.grafana.post("/folders", FOLDER)
        elif step.action == "update" and not self.dry_run:
            body = FOLDER | {"version": found["version"]}
            self.grafana.put(f"/folders/{FOLDER['uid']}", body)
        return step

    def _board(self, board: Board) -> Step:
        found = self.grafana.get(f"/dashboards/uid/{board.uid}")
        wanted = {"dashboard": dict(board.model), "meta": {"folderUid": FOLDER["uid"]}}
        step = _step("dashboard", board.title, wanted, found)
        if step.action != "keep" and not self.dry_run:
            version = {"version": found["dashboard"]["version"]} if found else {}
            body = {
                "dashboard": {**board.model, **version},
                "folderUid": FOLDER["uid"],
                "message": "attention-sidecar grafana publish",
                "overwrite": False,
            }
            self.grafana.post("/dashboards/db", body)
        return step

    def _contact(self, webhook: str) -> Step:
        path = "/v1/provisioning/contact-points"
        wanted = {"name": CONTACT, "type": "webhook", "settings": {"url": webhook}}
        listed = self.grafana.get(f"{path}?name={quote(CONTACT)}") or []
        found = next((one for one in listed if one["name"] == CONTACT), None)
        step = _step("contact point", CONTACT, wanted, found)
        if step.action == "create" and not self.dry_run:
            self.grafana.post(path, wanted | {"uid": CONTACT})
        elif step.action == "update" and not self.dry_run and found:
            self.grafana.put(f"{path}/{found['uid']}", wanted)
        return step

    def _group(self, group: dict[str, Any]) -> Step:
        path = f"/v1/provisioning/folder/{FOLDER['uid']}/rule-groups/{group['title']}"
        step = _step("rules", group["title"], group, self.grafana.get(path))
        if step.action != "keep" and not self.dry_run:
            self.grafana.put(path, group)
        return step


def _step(kind: str, name: str, wanted: Any, found: Any) -> Step:
    if found is None:
        return Step(kind, name, "create")
    changes = list(differences(wanted, found))
    return Step(kind, name, "update" if changes else "keep", changes)
