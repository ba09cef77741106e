"""The Prometheus page: right counts, bounded labels, and a format that tools accept."""

import math
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from sidecar import config, schema, signals, wire
from sidecar.daemon import taps as taps_module
from sidecar.daemon.own import OwnMetrics
from sidecar.daemon.page import Collector, Page
from sidecar.daemon.sinks import histograms
from sidecar.daemon.sinks.histograms import BOUNDS
from sidecar.daemon.sinks.prometheus import PrometheusSink
from sidecar.daemon.sinks.series import label_name
from sidecar.daemon.taps import Taps
from tests.conftest import Requires
from tests.daemon.synthetic import Tap, batch_of

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Published:
    """A sink, fed, and its page."""

    def __init__(self, **settings: Any) -> None:
        self.own, self.taps = OwnMetrics(), Taps()
        self.sink = PrometheusSink(config.Metrics(**settings), self.own)
        collectors: dict[str, Collector] = {
            "signals": self.sink,
            "sidecar": self.own.registry,
            "taps": self.taps,
        }
        self.page = Page(collectors)

    def write(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        record = signals.compute(batch)
        self.sink.write(record)
        return record

    def text(self) -> str:
        return self.page.render("")[0].decode()

    def families(self) -> dict[str, Metric]:
        return {family.name: family for family in parse_text(self.text())}

    def value(self, name: str, **labels: str) -> float:
        """Sum over the series that have these labels."""
        found = [
            sample.value
            for family in parse_text(self.text())
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return math.fsum(found) if found else math.nan


@pytest.fixture
def published() -> Published:
    return Published()


def test_histograms_hold_what_was_observed(published: Published) -> None:
    tap = Tap(layers=[2, 7], heads=3, routes=["search", "chat"])
    records = [published.write(tap.batch(size)) for size in (1, 20, 7)]
    values = [
        row["context_share"]
        for record in records
        for row in record.to_pylist()
        if row["route"] == "search"
    ]
    series = {"route": "search", "model_name": "demo", "engine": "0"}
    assert published.value("attention_samples_total", **series) == len(values)
    assert published.value("attention_context_share_count", **series) == len(values)
    assert published.value("attention_context_share_sum", **series) == pytest.approx(sum(values))
    for bound in BOUNDS:
        expected = sum(value <= bound for value in values)
        bucket = published.value("attention_context_share_bucket", le=repr(bound), **series)
        assert bucket == expected
    assert published.value("attention_context_share_bucket", le="+Inf", **series) == len(values)


def test_layers_have_their_own_series(published: Published) -> None:
    record = published.write(Tap(layers=[2, 7], heads=3).batch(12))
    layers = [row["layer_entropy_ratio"] for row in record.to_pylist()]
    for index, layer in enumerate(("2", "7")):
        total = published.value("attention_layer_entropy_ratio_sum", layer=layer)
        assert total == pytest.approx(sum(values[index] for values in layers))
    assert "attention_head_context_share" not in published.families()


def test_layers_can_be_left_out() -> None:
    published = Published(per_layer=False)
    published.write(Tap().batch(2))
    assert not [name for name in published.families() if "layer" in name.split("_")]


def test_heads_are_published_when_asked_for() -> None:
    published = Published(per_head=True)
    batch = Tap(layers=[2, 7], heads=3).batch(5)
    published.write(batch)
    [(_, heads)] = list(signals.per_head(batch))
    total = published.value("attention_head_context_share_sum", layer="7", head="1")
    assert total == pytest.approx(heads["context_share"][:, 1, 1].sum())
    assert published.value("attention_head_context_share_count") == 2 * 3 * 5


def test_what_is_not_measured_is_counted_and_not_observed(published: Published) -> None:
    tap = Tap(layers=[0], heads=2, documents=0, routes=["chat"])
    published.write(batch_of([tap.sample(step=0), tap.sample(step=3)]))
    unmeasured = "attention_unmeasured_total"
    assert published.value(unmeasured, signal="context_share", route="chat") == 2
    assert published.value(unmeasured, signal="lookback_ratio", route="chat") == 1
    assert published.value(unmeasured, signal="entropy_ratio", route="chat") == 0
    assert math.isnan(published.value("attention_context_share_count"))
    assert published.value("attention_lookback_ratio_count") == 1


def test_a_boundary_value_is_in_the_bucket_it_names(published: Published) -> None:
    row = Tap(layers=[0], heads=2).sample()
    row["copied"] = [True, False]
    published.write(batch_of([row]))
    assert published.value("attention_copy_rate_bucket", le="0.4") == 0
    assert published.value("attention_copy_rate_bucket", le="0.5") == 1


def test_labels_are_capped_and_what_is_beyond_is_counted_under_other() -> None:
    published = Published(label_values=3)
    tap = Tap(layers=[0], heads=1, routes=[f"route-{i}" for i in range(10)])
    published.write(tap.batch(10))
    published.write(tap.batch(10))
    samples = published.families()["attention_samples"].samples
    found = {sample.labels["route"]: sample.value for sample in samples}
    assert found == {"route-0": 2, "route-1": 2, "route-2": 2, "other": 14}
    assert published.value("attention_sidecar_label_overflow_total", label="route") == 14


def test_model_and_engine_are_capped_too() -> None:
    published = Published(label_values=2)
    for number in range(5):
        tap = Tap(layers=[0], heads=1, engine=str(number), model=f"model-{number}")
        published.write(tap.batch(1))
    samples = published.families()["attention_samples"].samples
    assert {sample.labels["model_name"] for sample in samples} == {"model-0", "model-1", "other"}


def test_series_are_capped_and_what_is_folded_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histograms, "MAX_SERIES", 6)
    published = Published(per_head=True)
    for _ in range(2):
        published.write(Tap(layers=range(4), heads=5, routes=["chat"]).batch(3))
    families = published.families()
    heads = {
        (sample.labels["layer"], sample.labels["head"])
        for sample in families["attention_head_context_share"].samples
    }
    assert len(heads) == 7
    assert ("other", "other") in heads
    folded = 2 * 3 * (4 * 5 - 6)
    name = "attention_head_context_share_count"
    assert published.value(name, layer="other") == folded
    assert published.value(name) == 2 * 3 * 4 * 5
    overflow = "attention_sidecar_label_overflow_total"
    assert published.value(overflow, label="head") == folded
    assert published.value(overflow, label="layer") == 0


def test_layers_beyond_the_cap_are_counted_by_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histograms, "MAX_SERIES", 6)
    published = Published()
    published.write(Tap(layers=range(9), heads=1).batch(5))
    assert published.value("attention_layer_entropy_ratio_count", layer="other") == 5 * 3
    assert published.value("attention_sidecar_label_overflow_total", label="layer") == 5 * 3


def test_tags_become_labels_when_allowed() -> None:
    published = Published(labels=["route", "tenant", "prompt_template"])
    row = Tap(layers=[0], heads=1, routes=[None]).sample()
    row["tags"] = [("prompt_template", "v2"), ("secret", "no")]
    published.write(batch_of([row]))
    [sample] = published.families()["attention_samples"].samples
    assert sample.labels == {
        "model_name": "demo",
        "engine": "0",
        "route": "none",
        "tenant": "none",
        "prompt_template": "v2",
    }


@pytest.mark.parametrize(
    ("tag", "label"),
    [("route", "route"), ("le", "tag_le"), ("layer", "tag_layer"), ("__name__", "tag___name__")],
)
def test_a_label_name_is_one_that_prometheus_takes(tag: str, label: str) -> None:
    assert label_name(tag) == label


def test_exemplars_carry_the_trace(published: Published) -> None:
    row = Tap(layers=[0], heads=1).sample(trace_id="ab" * 16)
    odd = Tap(layers=[0], heads=1, seed=1).sample(trace_id="not a trace, and far too long" * 9)
    published.write(batch_of([row, odd]))
    body, content_type = published.page.render(OPENMETRICS)
    assert content_type.startswith("application/openmetrics-text")
    families = {family.name: family for family in _parsed(body.decode())}
    exemplars = [s.exemplar for s in families["attention_entropy_ratio"].samples if s.exemplar]
    assert [exemplar.labels for exemplar in exemplars] == [{"trace_id": "ab" * 16}]
    [value] = [exemplar.value for exemplar in exemplars]
    expected = signals.compute(batch_of([row])).column("entropy_ratio")[0].as_py()
    assert value == pytest.approx(expected)


@pytest.mark.parametrize(("flags", "linked"), [("01", True), ("03", True), ("00", False)])
def test_only_a_trace_that_is_recorded_becomes_an_exemplar(
    published: Published, flags: str, linked: bool
) -> None:
    trace = "ab" * 16
    header = f"00-{trace}-00f067aa0ba902b7-{flags}"
    published.write(batch_of([Tap(layers=[0], heads=1).sample(trace_id=trace, traceparent=header)]))
    body, _ = published.page.render(OPENMETRICS)
    assert (trace in body.decode()) == linked


def _parsed(text: str) -> list[Metric]:
    parse: Callable[[str], Iterable[Metric]] = parse_openmetrics
    return list(parse(text))


class Broken:
    def collect(self) -> Iterator[Metric]:
        yield Metric("attention_half", "Half a page.", "gauge")
        raise RuntimeError("broken")


def test_a_collector_that_fails_does_not_take_the_page() -> None:
    published = Published()
    published.write(Tap(layers=[0], heads=1).batch(1))
    page = Page({"signals": published.sink, "broken": Broken()})
    text = page.render("")[0].decode()
    assert "attention_context_share_count" in text
    assert 'attention_sidecar_collector_success{collector="broken"} 0.0' in text
    assert 'attention_sidecar_collector_success{collector="signals"} 1.0' in text
    assert "attention_half" not in text


def test_promtool_has_no_complaint(
    published: Published, requires: Requires, tmp_path: Path
) -> None:
    published = Published(per_head=True, labels=["route", "tenant"])
    published.write(Tap().batch(10))
    published.taps.update(status_of(Tap()))
    check = [str(requires("promtool")), "check", "metrics"]
    done = subprocess.run(
        check, check=False, input=published.text(), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_no_name_has_a_colon_and_every_name_is_ours(published: Published) -> None:
    published.write(Tap().batch(3))
    published.taps.update(status_of(Tap()))
    assert all(name.startswith("attention_") for name in published.families())
    assert ":" not in "".join(published.families())


def test_every_signal_is_on_the_page(published: Published) -> None:
    published.write(Tap().batch(3))
    expected = {f"attention_{name}" for name in schema.SIGNAL_NAMES}
    expected |= {f"attention_layer_{name}" for name in schema.LAYER_SIGNAL_NAMES}
    assert expected <= set(published.families())


def status_of(tap: Tap, **changes: Any) -> wire.TapStatus:
    return wire.TapStatus.model_validate_json(tap.status(**changes)[1])


def test_a_tap_has_one_state_and_its_counts(published: Published) -> None:
    published.taps.update(status_of(Tap(), state="tripped", steps=42))
    states = published.families()["attention_tap_state"].samples
    assert [s.labels["attention_tap_state"] for s in states if s.value] == ["tripped"]
    assert published.value("attention_tap_steps_total", engine="0", rank="0") == 42
    assert published.value("attention_tap_seconds_total", stage="summary") == 0.5
    assert published.value("attention_tap_dropped_total", reason="queue_full") == 3
    assert published.value("attention_tap_budget_seconds") == pytest.approx(0.02)
    assert abs(published.value("attention_tap_clock_skew_seconds")) < 5


def test_a_tap_that_falls_silent_is_lost(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    published.taps.update(status_of(Tap()))
    assert published.taps.summary()[0]["state"] == "active"
    later = time.monotonic() + 11
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert published.value("attention_tap_state", attention_tap_state="lost") == 1
    assert published.value("attention_tap_state", attention_tap_state="active") == 0
    assert published.value("attention_tap_last_seen_seconds") == pytest.approx(11, abs=1)
    assert published.taps.summary()[0]["state"] == "lost"


def conflicts_of(published: Published, *boots: str) -> float:
    for boot in boots:
        published.taps.update(status_of(Tap(boot=boot)))
    return published.value("attention_tap_label_conflicts_total", engine="0", rank="0")


def test_two_live_taps_with_the_same_labels_are_counted(published: Published) -> None:
    assert conflicts_of(published, "a", "a", "b", "b") == 0
    assert not published.taps.summary()[0]["conflicting"]
    assert conflicts_of(published, "a", "b", "b", "a") == 3
    assert published.taps.summary()[0]["conflicting"]


def test_restarts_are_no_conflict_however_many(published: Published) -> None:
    assert conflicts_of(published, *map(str, range(50))) == 0
    [tap] = published.taps.known().values()
    assert len(tap.former) == taps_module.MAX_FORMER
    other = Tap(boot="0", rank=1)
    published.taps.update(status_of(other))
    assert published.value("attention_tap_label_conflicts_total") == 0


def test_a_conflict_is_over_when_only_one_reports(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert conflicts_of(published, "a", "b", "a") == 1
    later = time.monotonic() + 11
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert conflicts_of(published, "a") == 1
    assert not published.taps.summary()[0]["conflicting"]


def test_the_number_of_taps_is_bounded() -> None:
    taps = Taps()
    for engine in range(taps_module.MAX_TAPS + 5):
        taps.update(status_of(Tap(engine=str(engine))))
    assert len(taps.known()) == taps_module.MAX_TAPS
