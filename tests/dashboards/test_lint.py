"""The rules of Grafana's dashboard-linter, and a few of our own, on every committed dashboard."""

import re
from itertools import combinations

import pytest

from dashboards import names
from dashboards.shared import SCHEMA_VERSION, TAG
from sidecar.grafana.boards import Board, boards, targets
from tests.dashboards.promql import matchers, name_of, selectors, sent

BOARDS = boards()
PANELS = [
    pytest.param(board, panel, id=f"{board.uid}: {panel['title']}")
    for board in BOARDS
    for panel in board.panels()
]
TARGETS = [
    pytest.param(board, target.expr, id=f"{board.uid}: {panel['title']} {target.ref}")
    for board in BOARDS
    for panel in board.panels()
    for target in targets(panel)
]
COUNTER = re.compile(r"_(total|bucket|sum|count)$")
GROWTH = re.compile(r"\b(?:rate|irate|increase)\($")


def variables(board):
    return {one["name"]: one for one in board.model["templating"]["list"]}


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_a_dashboard_can_be_imported_elsewhere(board: Board) -> None:
    model = board.model
    assert "id" not in model
    assert not {"__inputs", "__requires"} & set(model)
    assert model["schemaVersion"] <= SCHEMA_VERSION == 41
    assert model["editable"] is False
    assert model["tags"] == [TAG]
    assert model["refresh"]
    assert 8 <= len(board.uid) <= 40


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_variables_follow_the_linters_rules(board: Board) -> None:
    found = variables(board)
    source = found["datasource"]
    assert (source["type"], source["query"]) == ("datasource", "prometheus")
    for name in ("job", "instance"):
        assert found[name]["multi"]
        assert found[name]["allValue"] == ".+"
        assert found[name]["label"] == name.capitalize()
    for one in found.values():
        assert one["label"]
        if one["type"] == "query":
            assert one["datasource"]["uid"] == "${datasource}"
            assert one["refresh"] == 2
            values = re.fullmatch(r"label_values\((.*), (\w+)\)", one["definition"])
            assert values
            [selector] = selectors(sent(board, values[1]))
            assert values[2] in names.labels_of(name_of(selector)) | {"job", "instance"}


def test_dashboards_have_addresses_and_titles_of_their_own() -> None:
    assert len({board.uid for board in BOARDS}) == len(BOARDS) >= 5
    assert len({board.title for board in BOARDS}) == len(BOARDS)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_no_panel_lies_over_another(board: Board) -> None:
    places = [panel["gridPos"] for panel in board.model["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    over = [
        (a, b)
        for a, b in combinations(places, 2)
        if a["x"] < b["x"] + b["w"]
        and b["x"] < a["x"] + a["w"]
        and a["y"] < b["y"] + b["h"]
        and b["y"] < a["y"] + a["h"]
    ]
    assert over == []
    assert len({panel["id"] for panel in board.model["panels"]}) == len(places)


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_a_panel_says_what_it_shows(board: Board, panel) -> None:
    assert panel["title"]
    if panel["type"] == "text":
        return
    assert panel["description"].endswith(".")
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["fieldConfig"]["defaults"]["noValue"]
    assert targets(panel)
    for target in panel["targets"]:
        assert target["datasource"] == panel["datasource"]
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_colours_rise_with_the_value(board: Board, panel) -> None:
    steps = panel.get("fieldConfig", {}).get("defaults", {}).get("thresholds", {}).get("steps", [])
    values = [step["value"] for step in steps]
    if panel["type"] in ("stat", "state-timeline"):
        assert values
    assert values[:1] in ([], [None])
    assert values[1:] == sorted(values[1:])


@pytest.mark.parametrize(("board", "expr"), TARGETS)
def test_a_query_parses_and_names_what_is_published(board: Board, expr: str) -> None:
    found = selectors(sent(board, expr))
    assert found
    for selector in found:
        added = {"job", "instance"}
        known = names.labels_of(name_of(selector)) | added
        assert set(matchers(selector)) - known == set()


@pytest.mark.parametrize(("board", "expr"), TARGETS)
def test_a_query_obeys_the_variables(board: Board, expr: str) -> None:
    for selector in selectors(sent(board, expr)):
        if selector.name in names.vllm():
            continue
        assert matchers(selector)["job"] == ".+", "target-job-rule"
        assert matchers(selector)["instance"] == ".+", "target-instance-rule"


@pytest.mark.parametrize(("board", "expr"), TARGETS)
def test_counters_are_read_as_growth_within_grafanas_interval(board: Board, expr: str) -> None:
    assert not re.search(r"\b(rate|increase)\([^[]*\[(?!\$__rate_interval|\$__range|15m)", expr)
    for match in re.finditer(r"(\w[\w:]*)\{", expr):
        if COUNTER.search(match[1]):
            assert GROWTH.search(expr[: match.start()]), f"target-counter-agg-rule: {match[1]}"


@pytest.mark.parametrize(("board", "expr"), TARGETS)
def test_what_is_unmeasured_is_never_shown_as_nothing(board: Board, expr: str) -> None:
    assert "or vector(" not in expr


def test_the_rules_see_what_breaks_them() -> None:
    assert not GROWTH.search("sum(")
    assert GROWTH.search("sum by (le) (rate(")
    with pytest.raises(names.UnknownMetric):
        names.labels_of("attention_no_such_thing")
    with pytest.raises(ValueError, match="unclosed"):
        selectors("sum(")
