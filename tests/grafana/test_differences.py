"""What `--diff` says: each field that differs, also of what came, went or moved."""

import json
from typing import Any

import pytest

from sidecar.grafana.boards import boards
from sidecar.grafana.client import Grafana
from sidecar.grafana.differences import differences
from sidecar.grafana.publish import Publication
from tests.grafana.stub import Stub


def told(wanted: Any, found: Any) -> list[str]:
    return list(differences(wanted, found))


def test_they_are_of_our_fields_alone() -> None:
    assert told({"a": {"b": [1, 2]}}, {"a": {"b": [1, 2], "c": 3}, "d": 4}) == []
    assert told({"a": [1]}, {"a": [1, 2]}) == ["a: 2 items → 1 items"]
    assert told({"a": 1}, {}) == ["a: None → 1"]
    assert told({"a": []}, {"a": [{"id": 1}]}) == ["a[id=1]: goes"]
    assert next(iter(differences("x" * 200, "y"))).endswith("…")


@pytest.mark.parametrize("name", ["uid", "id", "refId", "name"])
def test_things_with_names_are_told_by_name(name: str) -> None:
    one, two, three = ({name: called, "at": 1} for called in "abc")
    assert told([one, two], [one | {"at": 2}, three]) == [
        f"[{name}=a].at: 2 → 1",
        f"[{name}=b]: not there",
        f"[{name}=c]: goes",
    ]
    assert told([one, two], [two, one]) == [": another order"]
    assert told([one, two], [one, one, two]) == [": 3 items → 2 items"], "no name of one alone"


def test_a_field_that_grafana_adds_names_nothing() -> None:
    ours = [{"uid": "a"}, {"uid": "b"}]
    assert told(ours, [one | {"id": 3} for one in ours]) == []


def test_a_panel_that_came_hides_no_other_change(stub: Stub, grafana: Grafana) -> None:
    publication = Publication(grafana, "https://g.example", "prom-1")
    list(publication.run())
    held = stub.dashboards["attention-overview"]["dashboard"]
    held["panels"] = json.loads(json.dumps(held["panels"]))
    gone = held["panels"].pop(2)["id"]
    held["panels"][0]["title"] = "theirs"
    rules = stub.groups["attention-drift"]["rules"]
    rules.append(rules[0] | {"uid": "theirs"})
    [board] = [one for one in boards() if one.uid == "attention-overview"]
    first = board.model["panels"][0]
    changed = [one for step in publication.run() if step.action == "update" for one in step.changes]
    assert changed == [
        f"dashboard.panels[id={first['id']}].title: 'theirs' → {first['title']!r}",
        f"dashboard.panels[id={gone}]: not there",
        "rules[uid=theirs]: goes",
    ]
