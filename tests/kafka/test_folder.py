"""The folder of the spill: unusable, another daemon's, and left over from other settings."""

import logging
import time
from pathlib import Path

import pytest

from sidecar import config
from sidecar.daemon.own import OwnMetrics
from sidecar.daemon.sinks.kafka import KafkaSink
from sidecar.daemon.sinks.kafka.left_over import left_over
from sidecar.daemon.sinks.runner import SinkRunner
from sidecar.demo.processes import free_port
from tests.kafka.kit import metric, records, sink
from tests.kafka.queues import Queue
from tests.waiting import eventually


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address without a broker, which is soon found out."""
    monkeypatch.setattr("sidecar.daemon.sinks.kafka.connection.REQUEST_SECONDS", 0.3)
    return f"127.0.0.1:{free_port()}"


def runner(address: str, folder: Path) -> SinkRunner:
    settings = config.Kafka(bootstrap_servers=[address], spill_path=folder, samples_topic="t")
    metrics = OwnMetrics()
    return SinkRunner(KafkaSink(settings, metrics), metrics, max_batches=4)


def stop(running: SinkRunner) -> None:
    deadline = time.monotonic() + 5
    running.finish(deadline)
    running.join(deadline)


def test_a_folder_that_cannot_be_used_is_told_in_a_line(
    tmp_path: Path, nowhere: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "spill"
    folder.write_text("not a folder")
    running = runner(nowhere, folder)
    running.start()
    told = (
        f"kafka.spill_path: {folder}/t cannot be used: Not a directory; "
        "should be a folder that this user may write to"
    )
    assert eventually(lambda: running.error) == told
    time.sleep(2)
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage() == f"sink kafka does not start, and tries again: {told}"
    assert record.exc_info is None
    folder.unlink()
    eventually(lambda: "no broker at" in running.error)
    stop(running)


def test_another_daemons_folder_is_told_and_taken_when_it_is_free(
    tmp_path: Path, nowhere: str
) -> None:
    other = Queue(tmp_path / "t")
    running = runner(nowhere, tmp_path)
    running.start()
    assert eventually(lambda: running.error) == (
        f"kafka.spill_path: another daemon has '{tmp_path}/t'; give each its own folder"
    )
    other.spill.close()
    eventually(lambda: "no broker at" in running.error)
    stop(running)


def test_what_waits_for_a_topic_that_is_no_longer_set_is_told(
    tmp_path: Path, nowhere: str, caplog: pytest.LogCaptureFixture
) -> None:
    with sink(nowhere, tmp_path, samples_topic="old") as before:
        before.write(records(10))
    with sink(nowhere, tmp_path, samples_topic="new") as running:
        assert metric(running, "waiting_samples", topic="old") == 10
        states = {"topic": "old", "attention_sidecar_kafka_state": "not_configured"}
        assert metric(running, "state", **states) == 1
        assert "topic old: 10 samples wait in" in caplog.text
    with sink(nowhere, tmp_path, samples_topic="old") as after:
        assert metric(after, "waiting_samples", topic="old") == 10


def test_only_what_waits_is_left_over(tmp_path: Path) -> None:
    done, waits, taken = (Queue(tmp_path / name) for name in ("done", "waits", "taken"))
    for queue in (done, waits, taken):
        queue.put(0, 1, 2)
        queue.take()
    done.done(3)
    waits.done(1)
    waits.spill.close()
    done.spill.close()
    assert left_over(tmp_path, {"mine"}) == {"waits": 20}
