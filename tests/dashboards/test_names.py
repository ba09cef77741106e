"""The registry of metric names that queries may use."""

import pytest

from dashboards import names


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
