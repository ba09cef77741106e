"""Tap wire → daemon → broker → stock consumers, through outages and kills of either side."""

import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from sidecar import schema, wire
from sidecar.daemon.consumers.samples import decode
from tests.daemon.synthetic import Tap
from tests.daemon.test_service import Daemon, command
from tests.kafka.broker import Broker
from tests.kafka.kit import consumed, ids
from tests.kafka.queues import filled
from tests.waiting import eventually

NewTopic = Callable[..., str]
SMALL: dict[str, Any] = {"layers": [0], "heads": 1, "documents": 1}


@contextmanager
def daemon(folder: Path, port: int, broker: Broker, topic: str, *extra: str) -> Iterator[Daemon]:
    """A daemon that sends to a topic of the broker."""
    settings = [
        f"kafka.bootstrap_servers={broker.address}",
        f"kafka.spill_path={folder}/spill",
        f"kafka.samples_topic={topic}",
    ]
    running = Daemon(folder, port, *settings, *extra)
    try:
        yield running
    finally:
        running.stop()


def kafka(running: Daemon) -> dict[str, Any]:
    """State of the sink, and its metrics by name and topic or reason."""
    status = httpx.get(f"{running.url}/v1/status", timeout=60).json()
    [sink] = [sink for sink in status["sinks"] if sink["name"] == "kafka"]
    return {**sink, "status": status}


def page(running: Daemon, name: str) -> float:
    """The sum of a metric's values."""
    lines = httpx.get(f"{running.url}/metrics", timeout=60).text.splitlines()
    start = f"attention_sidecar_kafka_{name}"
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(start))


def rss_mb(running: Daemon) -> float:
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1000


class Feed:
    """A tap's socket: the same attention again and again, under new numbers."""

    def __init__(self, rows: int = 200) -> None:
        self._batch = Tap(**SMALL).batch(rows)
        self.ids: set[str] = set()

    def send(self, running: Daemon, samples: int, *, seconds: float = 0.0) -> None:
        """Send samples, at most 3,000 ahead of the daemon, spread over some time."""
        messages, before = samples // len(self._batch), running.intake()["samples_received_total"]
        for number in range(messages):
            running.send([wire.SAMPLES, wire.encode_batch(self._next())])
            ahead = (number + 1) * len(self._batch) + before - 3000
            eventually(partial(_received, running, ahead))
            time.sleep(seconds / messages)

    def _next(self) -> pa.RecordBatch:
        numbers = range(len(self.ids), len(self.ids) + len(self._batch))
        names = [f"boot-1-0-{number}" for number in numbers]
        self.ids.update(names)
        fresh = {"sequence": pa.array(numbers), "record_id": pa.array(names)}
        columns = [fresh.get(name, self._batch.column(name)) for name in schema.WIRE.names]
        return pa.RecordBatch.from_arrays(columns, schema=schema.WIRE)


def _goes_on(running: Daemon, feed: Feed) -> bool:
    """Whether the sink works again, as the next samples show."""
    feed.send(running, 200)
    return bool(kafka(running)["state"] == "running")


def _received(running: Daemon, samples: float) -> bool:
    return samples <= 0 or bool(running.intake()["samples_received_total"] >= samples)


@pytest.mark.slow
def test_200_000_samples_reach_kafkas_own_consumer_once_each(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, free_port: int
) -> None:
    topic, feed = new_topic(6), Feed()
    with daemon(tmp_path, free_port, broker, topic) as running:
        feed.send(running, 200_000)
        eventually(lambda: page(running, "delivered_samples_total") == 200_000)
        assert kafka(running)["state"] == "running"
        assert page(running, "lost_samples_total") == 0
        assert rss_mb(running) < 500
    assert running.archived() == (200_000, 200_000)
    lines = broker.console_consumer(topic, 200_000)
    assert Counter(json.loads(line)["record_id"] for line in lines) == Counter(feed.ids)


@pytest.mark.slow
def test_avro_reaches_a_consumer_once_each(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, free_port: int
) -> None:
    topic, feed = new_topic(6), Feed()
    with daemon(tmp_path, free_port, broker, topic, "kafka.format=avro") as running:
        feed.send(running, 5000)
        eventually(lambda: page(running, "delivered_samples_total") == 5000)
    found = consumed(broker, topic, lambda count: count >= 5000)
    assert Counter(decode(record)["record_id"] for record in found) == Counter(feed.ids)


@pytest.mark.slow
def test_a_minute_without_a_broker_loses_nothing_and_memory_stays_bounded(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, free_port: int
) -> None:
    topic, feed = new_topic(6), Feed()
    with daemon(tmp_path, free_port, broker, topic) as running:
        feed.send(running, 5000)
        eventually(lambda: page(running, "delivered_samples_total") == 5000)
        before = rss_mb(running)
        broker.kill()
        feed.send(running, 30_000, seconds=60)
        assert page(running, "waiting_samples") >= 29_000
        broker.start()
        feed.send(running, 5000)
        eventually(lambda: page(running, "waiting_samples") == 0)
        eventually(lambda: kafka(running)["state"] == "running")
        assert page(running, "lost_samples_total") == 0
        assert rss_mb(running) - before < 150
    assert running.archived() == (40_000, 40_000)
    found = ids(consumed(broker, topic, lambda count: count >= 40_000))
    assert set(found) == feed.ids


@pytest.mark.slow
def test_a_daemon_killed_during_an_outage_delivers_after_its_restart(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, free_port: int
) -> None:
    topic, feed = new_topic(), Feed(100)
    with daemon(tmp_path, free_port, broker, topic) as running:
        feed.send(running, 500)
        eventually(lambda: page(running, "delivered_samples_total") == 500)
        broker.kill()
        feed.send(running, 1000)
        eventually(lambda: page(running, "waiting_samples") == 1000)
        running.stop(signal.SIGKILL)
    with daemon(tmp_path, free_port, broker, topic) as running:
        eventually(lambda: "no broker at" in kafka(running)["error"])
        broker.start()
        eventually(lambda: page(running, "waiting_samples") == 0)
        eventually(lambda: kafka(running)["state"] == "running")
    found = ids(consumed(broker, topic, lambda count: count >= 1500))
    assert found == Counter(feed.ids)


@pytest.mark.slow
def test_metrics_and_archive_go_on_without_a_broker_and_losses_are_counted(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, free_port: int
) -> None:
    """The spill holds one megabyte, some 900 samples; the oldest go, and those left arrive."""
    topic, feed = new_topic(), Feed()
    broker.kill()
    with daemon(tmp_path, free_port, broker, topic, "kafka.spill_mb=1") as running:
        before = rss_mb(running)
        feed.send(running, 6000)
        eventually(lambda: running.has(6000, taken_by="kafka"))
        eventually(lambda: running.has(6000, taken_by="archive"))
        eventually(lambda: running.has(6000, taken_by="prometheus"))
        lost = page(running, "lost_samples_total")
        assert lost + page(running, "waiting_samples") == 6000
        assert lost > 0
        assert rss_mb(running) - before < 150
        assert running.intake()["sink_up"]
        broker.start()
        eventually(lambda: page(running, "waiting_samples") == 0)
        assert page(running, "lost_samples_total") == lost
    found = ids(consumed(broker, topic, lambda count: count >= 6000 - lost))
    assert len(found) == 6000 - lost
    assert set(found) <= feed.ids
    assert running.archived() == (6000, 6000)


@pytest.mark.slow
def test_a_full_disk_costs_only_what_memory_cannot_hold(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, small_disk: Path, free_port: int
) -> None:
    """The spill is on a megabyte of disk, and 8 more are kept in memory: some 7,000 samples."""
    topic, feed = new_topic(), Feed()
    broker.kill()
    spill = f"kafka.spill_path={small_disk}/spill"
    with daemon(tmp_path, free_port, broker, topic, spill) as running:
        feed.send(running, 12_000)
        for sink in ("kafka", "archive", "prometheus"):
            eventually(partial(running.has, 12_000, taken_by=sink))
        assert "No space left on device" in kafka(running)["error"]
        lost = page(running, 'lost_samples_total{reason="disk"')
        assert 2000 < lost < 8000
        assert page(running, "lost_samples_total") == lost
        assert page(running, "waiting_samples") == 12_000 - lost
        with filled(small_disk):
            broker.start()
            eventually(lambda: page(running, "waiting_samples") == 0)
        eventually(partial(_goes_on, running, feed))
        arrived = len(feed.ids) - lost
        eventually(lambda: page(running, "delivered_samples_total") == arrived)
        assert page(running, "lost_samples_total") == lost
    found = ids(consumed(broker, topic, lambda count: count >= arrived))
    assert len(found) == found.total() == arrived
    assert set(found) <= feed.ids
    assert running.archived() == (len(feed.ids), len(feed.ids))


@pytest.mark.slow
@pytest.mark.parametrize("client", ["kafka-python", "librdkafka"])
def test_a_slow_broker_gets_everything_and_memory_stays_bounded(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, free_port: int, client: str
) -> None:
    """The broker takes 200 kB a second; more waits on disk than the client may have in flight."""
    topic, feed = new_topic(6), Feed()
    settings = [f"kafka.client={client}", "kafka.compression=none"]
    with daemon(tmp_path, free_port, broker, topic, *settings) as running:
        feed.send(running, 5000)
        eventually(lambda: page(running, "delivered_samples_total") == 5000)
        before = rss_mb(running)
        with broker.slow(200_000):
            while page(running, "waiting_samples") < 40_000:
                feed.send(running, 2000)
            assert rss_mb(running) - before < 120
        eventually(lambda: page(running, "waiting_samples") == 0, 180)
        assert rss_mb(running) - before < 120
        assert page(running, "lost_samples_total") == 0
        eventually(lambda: kafka(running)["state"] == "running")
    sent = len(feed.ids)
    assert running.archived() == (sent, sent)
    found = ids(consumed(broker, topic, lambda count: count >= sent))
    assert set(found) == feed.ids


@pytest.mark.slow
def test_a_missing_topic_is_in_status_metrics_and_doctor(
    broker: Broker, tmp_path: Path, free_port: int
) -> None:
    topic = f"absent-{free_port}"
    with daemon(tmp_path, free_port, broker, topic) as running:
        eventually(lambda: kafka(running)["state"] == "failing")
        told = eventually(lambda: kafka(running)["error"])
        assert told == (f"topic {topic!r} is missing: see `attention-sidecar kafka topics`")
        up = running.intake()["sink_up"]
        assert {"sink": "kafka", "value": 0.0} in up
        text = httpx.get(f"{running.url}/metrics", timeout=60).text
        state = 'attention_sidecar_kafka_state{attention_sidecar_kafka_state="missing_topic"'
        assert any(line.startswith(state) and line.endswith(" 1.0") for line in text.splitlines())
        assert httpx.get(f"{running.url}/health/ready", timeout=60).is_success
        assert "kafka: failing topic" in command("status", "--url", running.url).stdout
        doctor = command("doctor", "--url", running.url)
        assert f"kafka is failing {told}" in doctor.stdout
        assert doctor.returncode == 1


@pytest.mark.slow
def test_secrets_are_in_no_answer_of_the_daemon(
    broker: Broker, tmp_path: Path, free_port: int
) -> None:
    topic = "none"
    secrets = ["kafka.username=u", "kafka.password=verysecret", "kafka.sasl_mechanism=PLAIN"]
    with daemon(tmp_path, free_port, broker, topic, *secrets) as running:
        eventually(lambda: kafka(running)["state"] == "failing")
        answers = [
            httpx.get(f"{running.url}{path}", timeout=60).text
            for path in ("/v1/status", "/metrics")
        ]
        time.sleep(2)
    assert not [text for text in (*answers, running.log.read_text()) if "verysecret" in text]


def test_a_missing_library_is_told_at_the_start(tmp_path: Path, free_port: int) -> None:
    import subprocess

    program = (
        "import sys; sys.modules['confluent_kafka'] = None\nfrom sidecar.cli import main\nmain()"
    )
    flags = ["kafka.bootstrap_servers=a:1", "kafka.client=librdkafka", f"http.port={free_port}"]
    flags += [f"archive.path={tmp_path}"]
    arguments = [part for flag in flags for part in ("--set", flag)]
    done = subprocess.run(
        [sys.executable, "-c", program, "daemon", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "pip install 'attention-sidecar[librdkafka]'" in done.stderr
