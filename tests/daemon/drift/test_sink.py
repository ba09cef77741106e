"""The sink: what it raises, shows and counts, and what it never calls fine."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sidecar.daemon import catalogue
from sidecar.daemon.labels import OTHER
from sidecar.daemon.sinks.base import Retryable
from sidecar.daemon.sinks.drift.completed import FLUSH_SECONDS
from sidecar.drift import Stream
from tests.daemon.drift.kit import ROUTES, Running, batch, faulty, healthy, running
from tests.drift.kit import RAG, baseline, without_paging

PREFIX = "attention_drift_"


def test_healthy_traffic_is_fine_and_shows_what_is_expected(tmp_path: Path) -> None:
    with running(tmp_path) as started:
        assert started.state(route="rag") == "unmeasured"
        started.feed(healthy(600))
        assert started.alerts == []
        assert started.state(route="rag") == "fine"
        series = {"model_name": "m", "route": "rag", "signal": "grounding_score"}
        assert started.value(f"{PREFIX}expected", **series) == pytest.approx(0.4, abs=0.02)
        assert started.value(f"{PREFIX}residual", **series) == pytest.approx(0, abs=0.05)
        assert started.value(f"{PREFIX}requests_total", outcome="watched") == 600
        evidence = started.value(f"{PREFIX}evidence", route="rag")
        assert 0 < evidence < started.value(f"{PREFIX}threshold")


def test_a_fault_is_one_alert_that_is_over_when_the_fault_is(tmp_path: Path) -> None:
    with running(tmp_path, cool_down=100) as started:
        started.feed(healthy(300))
        assert started.value(f"{PREFIX}alerts_total", direction="drop") == 0
        started.feed(faulty(300))
        [(first, state)] = started.alerts
        assert state == "firing"
        assert started.state(route="rag") == "alarm"
        assert started.value(f"{PREFIX}alerts_total", route="rag", direction="drop") == 1
        assert started.value(f"{PREFIX}shift_deviations", route="rag") < -1
        since = started.value(f"{PREFIX}since_timestamp_seconds", route="rag", direction="drop")
        assert since == pytest.approx(time.time(), abs=60)
        started.feed(healthy(800, 2))
        assert started.alerts == [(first, "firing"), (first, "resolved")]
        assert started.value(f"{PREFIX}shift_deviations", route="rag") == 0
        assert started.state(route="rag") in {"fine", "cooling_down"}


def test_a_fault_of_all_routes_is_one_alert_and_ends(tmp_path: Path) -> None:
    with running(tmp_path, *ROUTES, cool_down=1) as started:
        assert started.state(route="*") == "unmeasured"

        def everywhere(found: Any, parts: int, seed: int) -> None:
            for part in range(parts):
                for place, route in enumerate(ROUTES):
                    started.feed(found(20, 100 * seed + 10 * part + place), Stream("m", route))

        everywhere(healthy, 5, 1)
        assert started.state(route="*") == "fine"
        everywhere(faulty, 25, 2)
        told = started.listener.alerts
        assert {one.id for one in told} == {told[0].id}
        assert {told[-1].route, *told[-1].also} == {*ROUTES, "*"}
        assert started.value(f"{PREFIX}alerts_total") == 1
        assert {started.state(route=route) for route in (*ROUTES, "*")} == {"alarm"}
        everywhere(healthy, 30, 3)
        assert [one.state for one in started.listener.alerts].count("resolved") == 1
        assert started.listener.alerts[-1].state == "resolved"
        assert started.state(route="*") == "fine"


def test_the_page_has_the_labels_that_the_documentation_names(tmp_path: Path) -> None:
    described = {metric.name.removesuffix("_total"): metric for metric in catalogue.metrics()}
    with running(tmp_path, alertmanager=["http://127.0.0.1:1"]) as started:
        started.feed(faulty(300))
        for family in started.sink.collect():
            wanted = set(described[family.name].labels)
            for sample in family.samples:
                found = set(sample.labels) - {family.name}  # a state set names its state so
                assert found == wanted, family.name


def test_a_target_that_cannot_take_an_alert_is_told_later_and_in_order(tmp_path: Path) -> None:
    with running(tmp_path, cool_down=1) as started:
        started.listener.refuse = Retryable("not yet")
        started.feed(faulty(300))
        started.feed(healthy(800))
        assert started.value("attention_sidecar_drift_waiting_alerts") == 2
        started.listener.refuse = None
        started.sink.tick(time.time())
        assert [state for _, state in started.alerts] == ["firing", "resolved"]
        assert started.value("attention_sidecar_drift_told_alerts_total", target="listener") == 2


def test_a_target_that_fails_loses_its_alerts_and_that_is_counted(tmp_path: Path) -> None:
    with running(tmp_path) as started:
        started.listener.refuse = RuntimeError("broken")
        started.feed(faulty(300))
        lost = {"target": "listener", "reason": "refused"}
        assert started.value("attention_sidecar_drift_lost_alerts_total", **lost) == 1
        assert started.value("attention_sidecar_drift_waiting_alerts") == 0
        assert started.state(route="rag") == "alarm"


def test_a_flood_of_nan_and_a_signal_that_is_gone_are_unmeasured(tmp_path: Path) -> None:
    with running(tmp_path) as started:
        started.feed(healthy(300))
        gone = healthy(200)
        gone.signals[:] = np.nan
        started.feed(gone)
        assert started.alerts == []
        assert started.state(route="rag") == "unmeasured"
        why = {"route": "rag", "reason": "signal missing in the last … requests"}
        assert started.value(f"{PREFIX}unmeasured", **why) == 1
        assert started.value(f"{PREFIX}requests_total", outcome="unmeasured") == 200
        [shown] = started.sink.summary()["unmeasured"]
        assert shown["reason"] == "signal missing in the last 200 requests"
        started.feed(healthy(100, 3))
        assert started.state(route="rag") == "fine"


def test_a_stream_of_which_no_signal_pages_is_unmeasured_for_that(tmp_path: Path) -> None:
    file = tmp_path / "with-hr.json"
    without_paging(baseline(), "hr").save(file)
    with running(tmp_path, baseline=[file]) as started:
        started.feed(healthy(50), Stream("m", "hr"))
        assert started.value(f"{PREFIX}requests_total", outcome="no_paging_signal") == 50
        assert started.value(f"{PREFIX}requests_total", outcome="too_many_streams") == 0
        why = {"route": "hr", "reason": "no paging signal in the baseline"}
        assert started.value(f"{PREFIX}unmeasured", **why) == 1


@pytest.mark.parametrize("days", [-30, 30])
def test_an_engines_clock_that_jumps_changes_no_verdict(tmp_path: Path, days: int) -> None:
    moment = int((time.time() + days * 86_400) * 1e6)
    with running(tmp_path) as started:
        started.feed(healthy(100))
        jumped = healthy(100, 2)
        started.write(batch(jumped, RAG, time=[moment] * len(jumped)))
        assert started.state(route="rag") == "fine"
        assert started.value("attention_sidecar_drift_clock_corrections_total") == 100
        started.feed(faulty(300))
        [alert] = started.listener.alerts
        assert alert.since.timestamp() == pytest.approx(time.time(), abs=60)


@pytest.mark.parametrize("days", [-30, 30])
def test_the_daemons_clock_that_jumps_makes_nothing_silent_or_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    with running(tmp_path, silent_seconds=100.0) as started:
        started.feed(healthy(100))
        now, still = time.time(), time.monotonic()
        monkeypatch.setattr(time, "time", lambda: now + days * 86_400)
        assert started.state(route="rag") == "fine"
        monkeypatch.setattr(time, "monotonic", lambda: still + 101)
        assert started.state(route="rag") == "unmeasured"


def test_100_000_routes_are_counted_and_take_no_room(tmp_path: Path) -> None:
    with running(tmp_path, open_requests=1000) as started:
        started.feed(healthy(100))
        one = healthy(1000)
        for part in range(100):
            routes = [f"route-{part}-{number}" for number in range(1000)]
            started.write(batch(one, RAG, route=routes))
        assert started.value(f"{PREFIX}requests_total", outcome="no_baseline") == 100_000
        assert started.value(f"{PREFIX}requests_total", outcome="watched") == 100
        states = [one for one in _samples(started, f"{PREFIX}state") if one.value]
        assert len(states) <= 52
        assert {one.labels["attention_drift_state"] for one in states} == {"fine", "unmeasured"}
        assert started.state(route=OTHER) == "unmeasured"
        assert started.state(route="rag") == "fine"
        assert started.value("attention_sidecar_drift_open_requests") <= 1000
        assert len(started.sink._watching.monitor.watches) == 1


def test_a_flood_of_other_routes_pushes_out_no_request_that_is_watched(tmp_path: Path) -> None:
    with running(tmp_path, open_requests=100, idle_seconds=3600.0) as started:
        started.write(batch(healthy(50)))
        for part in range(10):
            started.write(batch(healthy(100), RAG, route=[f"r-{part}-{n}" for n in range(100)]))
        assert started.value("attention_sidecar_drift_open_requests") == 50
        assert started.value(f"{PREFIX}requests_total", outcome="watched") == 0
        assert started.value("attention_sidecar_drift_cut_requests_total") == 900


def test_streams_beyond_the_labels_share_one_that_shows_the_worst(tmp_path: Path) -> None:
    routes = [f"r{number}" for number in range(52)]
    with running(tmp_path, *routes) as started:
        for route in routes:
            started.feed(healthy(50), Stream("m", route))
        assert started.state(route=OTHER) == "fine"
        started.feed(faulty(300), Stream("m", routes[-1]))
        assert started.state(route=OTHER) == "alarm"
        names = [tuple(sorted(one.labels.items())) for one in _samples(started, f"{PREFIX}state")]
        assert len(names) == len(set(names))


def test_requests_that_break_the_monitor_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path) as started:

        def broken(*_: Any) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(started.sink._watching.monitor, "update", broken)
        started.feed(healthy(50))
        assert started.value(f"{PREFIX}requests_total", outcome="error") == 50


def test_what_moved_most_is_taken_from_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    with running(tmp_path) as started:
        completed = started.sink._completed
        completed._archive = started.archive.model_copy(update={"enabled": True})
        completed.flush = asked.append
        started.feed(faulty(300))
        assert asked == [FLUSH_SECONDS]
        assert len(started.alerts) == 1
        failed = {"outcome": "failed"}
        assert started.value("attention_sidecar_drift_explanations_total", **failed) == 1


def _samples(started: Running, name: str) -> list[Any]:
    return [
        one for family in started.sink.collect() for one in family.samples if family.name == name
    ]
