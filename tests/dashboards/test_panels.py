"""What panels show is what their titles, colours and descriptions say, in Grafana too."""

import json
import re

import pytest

from dashboards.layers import HEADS, HEADS_OFF
from dashboards.panels import GREY, UNMEASURED
from dashboards.queries import OVERLAP
from sidecar.grafana.boards import Board, targets
from tests.dashboards.must_show import AFTER, MUST_SHOW, OVERVIEW
from tests.dashboards.promql import selectors, sent
from tests.dashboards.test_lint import BOARDS, PANELS, TARGETS


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_a_panel_without_data_is_on_no_colour_that_means_something(board: Board, panel) -> None:
    """Grafana would take that of the lowest threshold."""
    if panel["type"] not in ("stat", "bargauge"):
        return
    defaults = panel["fieldConfig"]["defaults"]
    [said] = [one["options"] for one in defaults["mappings"] if one["type"] == "special"]
    result = {"text": defaults["noValue"], "color": GREY, "index": 0}
    assert said == {"match": "null+nan", "result": result}


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_a_state_timeline_has_a_legend_in_grafana(board: Board, panel) -> None:
    """With its own colour mode it has none, and thresholds would name numbers, not states."""
    if panel["type"] == "state-timeline":
        assert panel["fieldConfig"]["defaults"]["color"]["mode"] == "fixed"


@pytest.mark.parametrize(("board", "expr"), TARGETS)
def test_what_every_process_publishes_is_asked_of_our_daemons_alone(
    board: Board, expr: str
) -> None:
    named = {one.name for one in selectors(sent(board, expr))}
    if any(str(name).startswith("process_") for name in named):
        assert "attention_sidecar_build_info" in named
        assert "and on (job, instance)" in expr


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_a_link_carries_any_label(board: Board, panel) -> None:
    """A route may be called `a&b`."""
    for address in re.findall(r'"url": "([^"]*)"', json.dumps(panel)):
        for field in re.findall(r"\$\{(__data[^}]*)\}", address):
            assert field.endswith(":percentencode")


BEGIN_LATE = {
    "attention_tap_errors_total",
    "attention_sidecar_uncalibrated_samples_total",
    "attention_sidecar_drift_told_alerts_total",
    "attention_sidecar_drift_pushes_total",
}
"""Counters of which a daemon that is well may have no series, for good."""


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_what_has_no_series_where_all_is_well_is_not_called_unmeasured(board: Board, panel) -> None:
    named = {one.name for target in targets(panel) for one in selectors(sent(board, target.expr))}
    if named & BEGIN_LATE:
        assert panel["fieldConfig"]["defaults"]["noValue"] != UNMEASURED


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_growth_says_how_wide_it_is(board: Board, panel) -> None:
    wide = [one.expr for one in targets(panel) if "increase(" in one.expr]
    if any("[$__rate_interval]" in expr for expr in wide):
        assert OVERLAP in panel["description"]


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_what_is_off_says_so_and_its_rows_are_no_numbers(board: Board, panel) -> None:
    """As numbers, heads 1 and 10 of a layer would be one row of a heatmap."""
    for target in targets(panel):
        if HEADS in target.expr:
            assert panel["fieldConfig"]["defaults"]["noValue"] == HEADS_OFF
            assert target.legend in ("", "{{layer}}/{{head}}")


def test_what_the_live_test_requires_are_panels() -> None:
    titles = {board.uid: {panel["title"] for panel in board.panels()} for board in BOARDS}
    assert {uid for uid, some in MUST_SHOW.items() if not some <= titles[uid]} == set()
    assert {*AFTER} <= titles[OVERVIEW]
