"""A daemon that is killed in the middle of a change goes on where it was, and alerts once."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from sidecar.daemon.sinks.base import Retryable
from sidecar.daemon.sinks.drift.store import Busy, Store
from tests.daemon.drift.kit import Running, batch, faulty, healthy, running
from tests.drift.kit import RAG, numbers

REFUSED = "attention_sidecar_drift_refused_states_total"


def change() -> list[pa.RecordBatch]:
    """Healthy requests, then faulty ones, seven at a time."""
    return [
        batch(found.take(slice(start, start + 7)))
        for found in (healthy(140), faulty(140))
        for start in range(0, 140, 7)
    ]


def evidence(started: Running) -> list[float]:
    return numbers(started.sink._watching.monitor.state())


@pytest.mark.parametrize("cut", [1, 19, 21, 22, 23, 24, 30])
def test_a_kill_loses_no_evidence_and_no_alert_and_repeats_none(tmp_path: Path, cut: int) -> None:
    batches = change()
    with running(tmp_path / "whole") as whole:
        for one in batches:
            whole.write(one)
        wanted, state = whole.alerts, evidence(whole)
    assert [kind for _, kind in wanted] == ["firing"]
    (tmp_path / "cut").mkdir()
    killed = Running(tmp_path / "cut")
    for one in batches[:cut]:
        killed.write(one)
    killed.kill()
    with running(tmp_path / "cut") as after:
        for one in batches[cut:]:
            after.write(one)
        assert [*killed.alerts, *after.alerts] == wanted
        assert evidence(after) == pytest.approx(state)
        assert after.state(route="rag") == "alarm"


def test_samples_that_were_only_journalled_count_after_the_restart(tmp_path: Path) -> None:
    killed = Running(tmp_path)
    killed.sink.write(batch(healthy(60)))
    killed.kill()
    with running(tmp_path) as after:
        assert after.value("attention_sidecar_drift_open_requests") == 60
        after.feed(healthy(1))
        assert after.sink._watching.monitor.watches[RAG].route.seen == 61


def test_a_torn_journal_loses_its_end_alone_and_says_so(tmp_path: Path) -> None:
    killed = Running(tmp_path)
    for _ in range(3):
        killed.sink.write(batch(healthy(20)))
    killed.kill()
    [journal] = (tmp_path / "state").glob("journal-*.arrows")
    journal.write_bytes(journal.read_bytes()[:-300])
    with running(tmp_path) as after:
        assert after.value("attention_sidecar_drift_open_requests") == 40
        assert after.value("attention_sidecar_drift_torn_bytes_total") > 0


def test_an_alert_that_no_target_took_is_told_after_the_restart(tmp_path: Path) -> None:
    killed = Running(tmp_path)
    killed.listener.refuse = Retryable("not yet")
    killed.feed(faulty(300))
    killed.kill()
    assert killed.alerts == []
    with running(tmp_path) as after:
        after.feed(healthy(1))
        assert [state for _, state in after.alerts] == ["firing"]


def test_a_clean_stop_keeps_requests_that_are_under_way(tmp_path: Path) -> None:
    with running(tmp_path, idle_seconds=3600.0) as first:
        first.write(batch(healthy(30)))
    with running(tmp_path, idle_seconds=3600.0) as second:
        assert second.value("attention_sidecar_drift_open_requests") == 30


def test_a_state_of_another_baseline_is_refused_kept_and_counted(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        first.feed(faulty(300))
        assert len(first.alerts) == 1
    with running(tmp_path, "rag", "b") as second:
        assert second.value(REFUSED, reason="other_baseline") == 1
        told = second.sink.summary()["refused_state"]
        assert "it is of baseline" in told
        assert str(tmp_path / "state" / "state.refused.json") in told
        assert (tmp_path / "state" / "state.refused.json").exists()
        assert second.state(route="rag") == "unmeasured"
        assert second.sink.summary()["alerts"] == []
        second.feed(healthy(1))
        assert second.alerts == [(first.alerts[0][0], "resolved")]
    with running(tmp_path, "rag", "b") as third:
        assert third.value(REFUSED) == 0


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"version": 99, "journal": 1}', '{"version": 1, "journal": 1}'],
)
def test_a_state_that_cannot_be_read_is_refused_and_counted(tmp_path: Path, content: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.json").write_text(content)
    with running(tmp_path) as started:
        assert started.value(REFUSED, reason="unreadable") == 1
        started.feed(faulty(300))
        assert len(started.alerts) == 1


def test_every_state_that_was_refused_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    for content in ("first", "second", "third"):
        (folder / "state.json").write_text(content)
        with running(tmp_path):
            pass
    kept = {file.name: file.read_text() for file in folder.glob("state.refused*")}
    assert kept == {
        "state.refused.json": "first",
        "state.refused.2.json": "second",
        "state.refused.3.json": "third",
    }


def test_a_state_with_a_part_missing_leaves_nothing_half_restored(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        first.feed(faulty(300))
    file = tmp_path / "state" / "state.json"
    state = json.loads(file.read_text())
    del state["watching"]["monitor"]["shared"]
    file.write_text(json.dumps(state))
    with running(tmp_path) as second:
        assert second.value(REFUSED, reason="unreadable") == 1
        assert second.state(route="rag") == "unmeasured"


def test_a_folder_belongs_to_one_daemon(tmp_path: Path) -> None:
    with running(tmp_path), pytest.raises(Busy, match=r"drift\.state_path"):
        Store(tmp_path / "state").open()


def test_a_disk_that_takes_nothing_is_a_fault_and_stops_no_alert(tmp_path: Path) -> None:
    with running(tmp_path) as started:
        folder = tmp_path / "state"
        started.sink._store.folder = folder / "gone"
        started.sink._store._begin(7)
        started.feed(faulty(300))
        assert len(started.alerts) == 1
        assert "gone" in started.sink.fault()
        assert started.value("attention_sidecar_drift_state_failures_total") > 0
        started.sink._store.folder = folder
        started.save()
        assert started.sink.fault() == ""
