"""How far a source was read is kept with the evidence, and evidence can begin anew."""

import time
from pathlib import Path

import pyarrow as pa
import pytest

from sidecar import schema
from sidecar.daemon.mark import Mark
from sidecar.daemon.sinks.base import Retryable
from tests.daemon.drift.kit import Running, batch, faulty, healthy, running
from tests.drift.kit import RAG

ANEW = "attention_sidecar_drift_begun_anew_total"


def nothing() -> pa.RecordBatch:
    return batch(healthy(1)).slice(0, 0)


def test_a_batch_keeps_its_mark() -> None:
    mark = Mark("a", {0: 7, 3: 1 << 40})
    marked = mark.on(batch(healthy(2)))
    assert Mark.of(marked) == mark
    assert Mark.of(batch(healthy(2))) is None
    schema.check(marked, schema.RECORD)


def test_a_killed_daemon_knows_the_mark_of_what_it_journalled(tmp_path: Path) -> None:
    killed = Running(tmp_path)
    killed.sink.write(Mark("a", {0: 5}).on(batch(healthy(5))))
    killed.save()
    killed.sink.write(Mark("a", {0: 9}).on(batch(healthy(4))))
    killed.kill()
    with running(tmp_path) as after:
        assert after.sink.mark == Mark("a", {0: 9})
        assert after.value("attention_sidecar_drift_open_requests") == 9


def test_a_torn_journal_takes_its_mark_with_it(tmp_path: Path) -> None:
    killed = Running(tmp_path)
    for number in (1, 2):
        killed.sink.write(Mark("a", {0: number}).on(batch(healthy(1))))
    killed.kill()
    [journal] = (tmp_path / "state").glob("journal-*.arrows")
    journal.write_bytes(journal.read_bytes()[:-300])
    with running(tmp_path) as after:
        assert after.sink.mark == Mark("a", {0: 1})


def test_a_mark_without_samples_is_kept(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        first.write(Mark("a", {0: 3}).on(nothing()))
    with running(tmp_path) as second:
        assert second.sink.mark == Mark("a", {0: 3})


def test_other_evidence_begins_anew_and_says_so(tmp_path: Path) -> None:
    with running(tmp_path, idle_seconds=1e-9) as started:
        started.write(Mark("a", {0: 300}).on(batch(faulty(300))))
        started.sink.tick(time.time())
        assert started.state(route="rag") == "alarm"
        assert started.value(ANEW) == 0
        started.write(Mark("b", {0: 300}).on(nothing()))
        assert started.state(route="rag") == "unmeasured"
        assert started.sink.summary()["alerts"] == []
        assert started.sink._watching.monitor.watches[RAG].route.seen == 0
        assert started.value(ANEW) == 1
        assert started.sink.mark == Mark("b", {0: 300})
    assert [state for _, state in started.alerts] == ["firing"]


def test_an_alert_that_waits_for_a_target_is_told_also_by_who_gave_up(tmp_path: Path) -> None:
    with running(tmp_path) as started:
        started.listener.refuse = Retryable("not yet")
        started.write(Mark("a", {}).on(batch(faulty(300))))
        started.write(Mark("b", {}).on(nothing()))
        started.listener.refuse = None
        started.sink.tick(time.time())
        assert [state for _, state in started.alerts] == ["firing"]


def test_requests_under_way_are_not_evidence_of_another(tmp_path: Path) -> None:
    with running(tmp_path, idle_seconds=3600.0) as started:
        started.write(Mark("a", {}).on(batch(healthy(5))))
        started.write(Mark("", {}).on(nothing()))
        assert started.value("attention_sidecar_drift_open_requests") == 0
        started.write(Mark("c", {}).on(nothing()))
        assert started.value(ANEW) == 1, "nothing was given up the second time"


def test_a_flush_says_whether_the_disk_has_it(tmp_path: Path) -> None:
    with running(tmp_path) as started:
        started.sink.flush()
        folder = started.sink._store.folder
        started.sink._store.folder = folder / "gone"
        started.sink._store._begin(7)
        started.write(Mark("a", {0: 1}).on(batch(healthy(1))))
        with pytest.raises(OSError, match="gone"):
            started.sink.flush()
        started.sink._store.folder = folder
        started.sink.flush()
    with running(tmp_path) as after:
        assert after.sink.mark == Mark("a", {0: 1})
