"""Links of pushed alerts, as documented and as Compose has them, lead to our dashboards."""

import json
import re
import tomllib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from sidecar import config
from sidecar.daemon.sinks.drift.links import links
from sidecar.grafana.boards import boards
from tests.daemon.drift.test_alertmanager import alert

ROOT = Path(__file__).parents[2]
BOARDS = {board.uid: board for board in boards()}
RUNBOOKS = {"runbook": "AttentionGroundingDrift", "runbook_traffic": "AttentionTrafficDrift"}
WINDOW = {"time", "time.window"}
"""A time, and how much is shown around it, in milliseconds."""


def documented() -> dict[str, str]:
    text = (ROOT / "docs/drift.md").read_text()
    [example] = re.findall(r"`ATTENTION_DRIFT__LINKS`:\n\n```json\n(.*?)```", text, re.DOTALL)
    found: dict[str, str] = json.loads(example)
    return found


def of_compose() -> dict[str, str]:
    tree = tomllib.loads((ROOT / "deploy/compose/attention.toml").read_text())
    found: dict[str, str] = tree["drift"]["links"]
    return found


@pytest.mark.parametrize("templates", [documented(), of_compose()], ids=["docs", "compose"])
def test_links_lead_to_dashboards_variables_and_runbooks_that_are_there(
    templates: dict[str, str],
) -> None:
    assert config.Drift(links=templates).links == templates
    made = links(alert("shop"), templates)
    assert {"dashboard", *RUNBOOKS} <= set(made)
    for name, address in made.items():
        parts = urlsplit(address)
        board = BOARDS[parts.path.removeprefix("/d/")]
        chosen = parse_qs(parts.query, strict_parsing=True)
        variables = {one.removeprefix("var-") for one in chosen if one.startswith("var-")}
        assert variables <= set(board.variables())
        panels = {str(one["id"]): one["title"] for one in board.panels()}
        shown = [panels[number] for number in chosen.get("viewPanel", [])]
        assert shown == [RUNBOOKS[name]] if name in RUNBOOKS else shown == []
    seen = parse_qs(urlsplit(made["dashboard"]).query)
    assert seen["var-model"] == ["m"]
    assert set(seen) == {"var-model"} | WINDOW
