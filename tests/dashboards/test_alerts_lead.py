"""An alert leads to a dashboard that shows what it speaks of."""

import pytest

from dashboards.rules.records import expanded
from dashboards.rules.table import ALERTS
from sidecar.grafana.boards import boards, targets
from tests.dashboards.promql import name_of, selectors, sent

BOARDS = {board.uid: board for board in boards()}
BESIDE = {
    "AttentionGroundingDrift": {"attention_sidecar_drift_pushes_total"},
    "AttentionTrafficDrift": {"attention_sidecar_drift_pushes_total"},
    "AttentionDriftStateRefused": {"process_start_time_seconds"},
    "AttentionDocumentsNotFound": {"attention_tap_requests_sampled_total"},
}
"""What an alert reads only to know whether to speak, and of how many."""


def shown(uid: str) -> set[str]:
    board = BOARDS[uid]
    asked = [target.expr for panel in board.panels() for target in targets(panel)]
    return {name_of(one) for expr in asked for one in selectors(sent(board, expr))}


@pytest.mark.parametrize("name", ALERTS)
def test_its_dashboard_shows_what_it_is_about(name: str) -> None:
    alert = ALERTS[name]
    about = {name_of(one) for one in selectors(expanded(alert.expr))}
    assert about - shown(alert.dashboard) == BESIDE.get(name, set())


@pytest.mark.parametrize("name", ALERTS)
def test_its_link_chooses_variables_that_the_dashboard_has(name: str) -> None:
    alert = ALERTS[name]
    assert set(alert.chosen.values()) <= set(BOARDS[alert.dashboard].variables())
