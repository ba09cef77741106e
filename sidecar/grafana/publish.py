"""Brings dashboards, alert rules and a contact point into Grafana; a second run does nothing."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import yaml

from sidecar.grafana.addresses import AddressError, address, veiled
from sidecar.grafana.boards import Board, boards, generated
from sidecar.grafana.client import Grafana, GrafanaError
from sidecar.grafana.datasources import check
from sidecar.grafana.differences import differences

FOLDER = {"uid": "attention-sidecar", "title": "Attention"}
CONTACT = "attention-sidecar"
_PLACEHOLDER = "http://localhost:3000"
_INTERVAL_SECONDS = 60
_CONFLICTS = (400, 409, 412)
"""Statuses by which Grafana says that something is there already, or is another version."""

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
    """Where alerts go; without it Grafana's own notification policies decide."""
    dry_run: bool = False
    folder: Path = field(default_factory=generated)

    def run(self) -> Iterator[Step]:
        """Do it step by step, or with ``dry_run`` only say what would be done.

        Raises GrafanaError, for a wrong data source or webhook before anything is written.
        """
        self._check()
        yield self._folder()
        for board in boards(self.folder):
            yield self._board(board)
        if self.webhook is not None:
            yield self._contact(self.webhook)
        for group in self.groups():
            yield self._group(group)

    def groups(self) -> list[dict[str, Any]]:
        """Rule groups as the provisioning API takes them."""
        text = (self.folder / "grafana/alerting/attention.yaml").read_text(encoding="utf-8")
        tree = yaml.safe_load(text.replace(_PLACEHOLDER, self.url.rstrip("/")))
        return [self._as_sent(group) for group in tree["groups"]]

    def _check(self) -> None:
        if self.webhook is not None:
            try:
                address(self.webhook, "https://pager.example.com/hook")
            except AddressError as error:
                raise GrafanaError(f"--webhook {error}") from None
        check(self.grafana, self.datasource)

    def _receiver(self) -> dict[str, str] | None:
        """Sent as null without a webhook, so that rules lose the receiver of an earlier run."""
        return None if self.webhook is None else {"receiver": CONTACT}

    def _as_sent(self, group: dict[str, Any]) -> dict[str, Any]:
        rules = json.loads(json.dumps(group["rules"]))
        for rule in rules:
            rule |= {"folderUID": FOLDER["uid"], "ruleGroup": group["name"]}
            rule["notification_settings"] = self._receiver()
            chosen = f"&var-datasource={quote(self.datasource, safe='')}"
            rule["annotations"]["dashboard_url"] += chosen
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
        path = f"/folders/{FOLDER['uid']}"

        def write(found: Any) -> None:
            if found is None:
                self.grafana.post("/folders", FOLDER)
            else:
                self.grafana.put(path, FOLDER | {"version": found["version"]})

        return self._step("folder", FOLDER["title"], FOLDER, lambda: self.grafana.get(path), write)

    def _board(self, board: Board) -> Step:
        path = f"/dashboards/uid/{board.uid}"
        wanted = {"dashboard": dict(board.model), "meta": {"folderUid": FOLDER["uid"]}}

        def write(found: Any) -> None:
            version = {"version": found["dashboard"]["version"]} if found else {}
            body = {
                "dashboard": {**board.model, **version},
                "folderUid": FOLDER["uid"],
                "message": "attention-sidecar grafana publish",
                "overwrite": False,
            }
            self.grafana.post("/dashboards/db", body)

        return self._step("dashboard", board.title, wanted, lambda: self.grafana.get(path), write)

    def _contact(self, webhook: str) -> Step:
        path = "/v1/provisioning/contact-points"
        wanted = {"name": CONTACT, "type": "webhook", "settings": {"url": webhook}}

        def look() -> Any:
            listed = self.grafana.get(f"{path}?name={quote(CONTACT)}") or []
            return next((one for one in listed if one["name"] == CONTACT), None)

        def write(found: Any) -> None:
            if found is None:
                self.grafana.post(path, wanted | {"uid": CONTACT})
            else:
                self.grafana.put(f"{path}/{found['uid']}", wanted)

        step = self._step("contact point", CONTACT, wanted, look, write)
        return replace(step, changes=[veiled(line) for line in step.changes])

    def _group(self, group: dict[str, Any]) -> Step:
        path = f"/v1/provisioning/folder/{FOLDER['uid']}/rule-groups/{group['title']}"

        def write(_found: Any) -> None:
            self.grafana.put(path, group)

        return self._step("rules", group["title"], group, lambda: self.grafana.get(path), write)

    def _step(
        self,
        kind: str,
        name: str,
        wanted: Any,
        look: Callable[[], Any],
        write: Callable[[Any], None],
    ) -> Step:
        found = look()
        changes = _changes(wanted, found)
        if changes and not self.dry_run:
            _written(wanted, found, look, write)
        if found is None:
            return Step(kind, name, "create")
        return Step(kind, name, "update" if changes else "keep", changes)


def _written(
    wanted: Any, found: Any, look: Callable[[], Any], write: Callable[[Any], None]
) -> None:
    """Write; a conflict with what a try stored whose answer was lost is none."""
    try:
        write(found)
    except GrafanaError as error:
        if error.status not in _CONFLICTS or _changes(wanted, look()):
            raise


def _changes(wanted: Any, found: Any) -> list[str]:
    return ["not there"] if found is None else list(differences(wanted, found))
