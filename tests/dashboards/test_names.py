"""The registry of metric names that queries may use."""

from collections.abc import Iterator

import pytest

from dashboards import names, runbooks
from dashboards.rules.records import RATE, UNMEASURED, records
from dashboards.rules.table import ALERTS
from sidecar.grafana.boards import boards, targets
from tests.dashboards.promql import followed, name_of, selectors, sent


def queries() -> Iterator[str]:
    """Every query that is sent by a dashboard, a rule or who follows a runbook."""
    for board in boards():
        yield from (sent(board, one.expr) for panel in board.panels() for one in targets(panel))
    for alert in ALERTS.values():
        yield alert.expr
        yield from (looked.metric for looked in alert.looked.values())
    yield from (record.expr for record in records())
    for page in runbooks.pages().values():
        yield from followed(page)


def test_what_is_listed_of_others_and_recorded_is_asked_for() -> None:
    asked = {name_of(selector) for query in queries() for selector in selectors(query)}
    process = {name for name in names.ours() if not name.startswith("attention_")}
    assert {*names.vllm(), *names.recorded(), *process} <= asked


def test_a_record_has_the_labels_that_it_sums_by() -> None:
    assert names.labels_of(RATE) == {"model_name"}
    assert names.labels_of(UNMEASURED) == {"model_name", "route"}


def test_each_kind_of_metric_is_known_by_what_is_on_the_page() -> None:
    ours = names.ours()
    assert "attention_context_share" not in ours
    assert ours["attention_context_share_bucket"] >= {"model_name", "engine", "route", "le"}
    assert "attention_tap_state" in ours["attention_tap_state"]
    assert "attention_samples_total" in ours
    assert "attention_tap_info" in ours


def test_a_name_that_nobody_publishes_is_told() -> None:
    with pytest.raises(names.UnknownMetric, match=r"nor in vllm-metrics\.txt"):
        names.labels_of("attention_no_such_thing")
