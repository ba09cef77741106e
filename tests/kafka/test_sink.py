"""The sink on a real broker: there, away, slow, without the topic, and refusing."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sidecar import config, signals, wire
from sidecar.daemon.sinks.kafka import encode, stream
from sidecar.daemon.sinks.kafka.messages import pack
from sidecar.demo.processes import free_port
from tests.daemon.synthetic import Tap, batch_of
from tests.kafka.broker import Broker
from tests.kafka.kit import consumed, ids, metric, records, sink, stream_of
from tests.kafka.queues import Queue
from tests.waiting import eventually

CLIENTS = ["kafka-python", "librdkafka"]

NewTopic = Callable[..., str]


def io_threads() -> int:
    return sum(thread.name.startswith("kafka") for thread in threading.enumerate())


@pytest.mark.parametrize("client", CLIENTS)
def test_every_sample_arrives_once_with_key_and_headers(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, client: str
) -> None:
    topic = new_topic()
    batch = records(500)
    with sink(broker.address, tmp_path, client=client, samples_topic=topic) as running:
        running.write(batch)
        eventually(lambda: stream_of(running).delivered == 500)
        assert running.fault() == ""
        assert metric(running, "state", topic=topic, attention_sidecar_kafka_state="running") == 1
        assert metric(running, "waiting_samples", topic=topic) == 0
    found = consumed(broker, topic, lambda count: count >= 500)
    assert ids(found) == Counter(batch.column("record_id").to_pylist())
    assert {record.key.decode() for record in found} == set(batch.column("request_id").to_pylist())
    assert dict(found[0].headers)["content-type"] == b"application/json"


def test_both_clients_choose_the_same_partitions(
    broker: Broker, new_topic: NewTopic, tmp_path: Path
) -> None:
    batch, places = records(100), []
    for client in CLIENTS:
        topic = new_topic(7)
        with sink(broker.address, tmp_path / client, client=client, samples_topic=topic) as running:
            running.write(batch)
        found = consumed(broker, topic, lambda count: count >= 100)
        places.append({record.key: record.partition for record in found})
    assert places[0] == places[1]
    assert len(set(places[0].values())) == 7


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_other_compressions(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, compression: str
) -> None:
    topic = new_topic()
    with sink(broker.address, tmp_path, compression=compression, samples_topic=topic) as running:
        running.write(records(20))
    assert len(consumed(broker, topic, lambda count: count >= 20)) == 20


def test_whole_batches_go_to_their_own_topic(
    broker: Broker, new_topic: NewTopic, tmp_path: Path
) -> None:
    topics = {"samples_topic": new_topic(), "archive_topic": new_topic()}
    batch = records(30, Tap())
    with sink(broker.address, tmp_path, archive=True, **topics) as running:
        running.write(batch)
    found = consumed(broker, topics["archive_topic"], lambda count: count >= 1)
    rows = [wire.decode_batch(record.value) for record in found]
    assert sum(map(len, rows)) == 30
    assert {record.key for record in found} == {None}
    assert dict(found[0].headers)["content-type"] == b"application/vnd.apache.arrow.stream"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_missing_topic_is_a_state_and_is_not_made(
    broker: Broker, tmp_path: Path, client: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    topic = f"absent-{client}-{free_port()}"
    with sink(broker.address, tmp_path, client=client, samples_topic=topic) as running:
        running.write(records(10))
        eventually(lambda: stream_of(running).condition.state == "missing_topic")
        assert running.fault() == (
            f"topic {topic!r} is missing: see `attention-sidecar kafka topics`"
        )
        time.sleep(1)
        assert stream_of(running).condition.state == "missing_topic", (
            "the broker would make it if asked"
        )
        broker.create(topic)
        eventually(lambda: stream_of(running).delivered == 10)
        assert running.fault() == ""
        assert f"topic {topic}: running again" in caplog.text


@pytest.mark.parametrize("client", CLIENTS)
def test_a_missing_topic_does_not_hold_up_another(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, client: str
) -> None:
    topics = {"samples_topic": new_topic(), "archive_topic": "nowhere"}
    with sink(broker.address, tmp_path, client=client, archive=True, **topics) as running:
        running.write(records(10))
        eventually(lambda: stream_of(running).delivered == 10)
        eventually(lambda: "'nowhere' is missing" in running.fault())


def test_a_sample_that_is_too_large_is_counted_and_the_others_arrive(
    broker: Broker, new_topic: NewTopic, tmp_path: Path
) -> None:
    topic = new_topic()
    tap = Tap(layers=[0], heads=1)
    large = tap.sample(tags=[("tenant", "x" * 20_000)])
    batch = _with(tap, large, 9)
    settings = {"samples_topic": topic, "max_message_bytes": 15_000}
    with sink(broker.address, tmp_path, **settings) as running:
        running.write(batch)
        eventually(lambda: stream_of(running).delivered == 9)
        assert metric(running, "lost_samples_total", topic=topic, reason="too_large") == 1


@pytest.mark.parametrize("client", CLIENTS)
def test_what_the_broker_refuses_is_counted_and_the_others_arrive(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, client: str
) -> None:
    """One of ten samples in a batch is larger than the topic takes; those of two more are not."""
    topic = new_topic(1, max_message_bytes="9000")
    tap = Tap(layers=[0], heads=1)
    large = tap.sample(tags=[("tenant", "x" * 20_000)])
    batches = [_with(tap, large, 9), records(5, tap), records(5, tap)]
    settings = {"samples_topic": topic, "compression": "none", "client": client}
    with sink(broker.address, tmp_path, **settings) as running:
        for batch in batches:
            running.write(batch)
        eventually(lambda: stream_of(running).spill.samples == 0)
        assert metric(running, "lost_samples_total", topic=topic, reason="refused") == 1
        assert stream_of(running).delivered == 19
    arrived = set(ids(consumed(broker, topic, lambda count: count >= 19)))
    sent = {name for batch in batches for name in batch.column("record_id").to_pylist()}
    assert sent - arrived == {large["record_id"]}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_topic_that_takes_nothing_is_told(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, client: str
) -> None:
    topic = new_topic(1, max_message_bytes="500")
    settings = {"samples_topic": topic, "compression": "none", "client": client}
    with sink(broker.address, tmp_path, **settings) as running:
        running.write(records(3))
        eventually(lambda: stream_of(running).condition.state == "refusing")
        assert f"topic {topic!r}: not delivered" in running.fault()
        eventually(lambda: stream_of(running).spill.samples == 0)
        assert metric(running, "lost_samples_total", topic=topic, reason="refused") == 3
        assert stream_of(running).delivered == 0


@pytest.mark.parametrize("client", CLIENTS)
def test_what_cannot_be_read_is_counted_once_although_it_is_sent_twice(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, client: str
) -> None:
    topic = new_topic(1, max_message_bytes="500")
    queue = Queue(tmp_path / "spill" / topic)
    queue.spill.append(pack(encode.samples(records(3), config.Kafka())), 3)
    queue.spill.append(b"not messages", 7)
    queue.spill.close()
    settings = {"samples_topic": topic, "compression": "none", "client": client}
    with sink(broker.address, tmp_path, **settings) as running:
        eventually(lambda: stream_of(running).spill.samples == 0)
        lost = {reason: count for reason, count in stream_of(running).lost.items() if count}
        assert lost == {"refused": 3, "unreadable": 7}


def test_a_topic_that_cannot_be_written_leaves_the_other_alone(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics = {"samples_topic": new_topic(), "archive_topic": new_topic()}
    with sink(broker.address, tmp_path, archive=True, **topics) as running:
        monkeypatch.setattr(encode, "whole", lambda _batch, _limit: 1 / 0)
        running.write(records(10))
        eventually(lambda: stream_of(running).delivered == 10)
        lost = {"topic": topics["archive_topic"], "reason": "error"}
        assert metric(running, "lost_samples_total", **lost) == 10
        assert (
            running.fault()
            == f"topic {topics['archive_topic']!r}: ZeroDivisionError: division by zero"
        )
        monkeypatch.undo()
        running.write(records(5))
        assert running.fault() == ""
    assert len(consumed(broker, topics["archive_topic"], lambda count: count >= 1)) == 1


@pytest.mark.parametrize("client", CLIENTS)
def test_an_absent_broker_harms_nothing(tmp_path: Path, client: str) -> None:
    address = f"127.0.0.1:{free_port()}"
    with sink(address, tmp_path, client=client) as running:
        batch = records(10)
        start = time.monotonic()
        for _ in range(20):
            running.write(batch)
        assert time.monotonic() - start < 5
        eventually(lambda: stream_of(running).condition.state == "away")
        assert f"no broker at {address}" in running.fault()
        assert stream_of(running).spill.samples == 200
        begin = time.monotonic()
    assert time.monotonic() - begin < 6, "stopping waits for nobody"


def test_failed_connections_leave_no_threads_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_LONGEST_DELAY", 0.1)
    monkeypatch.setattr("sidecar.daemon.sinks.kafka.connection.REQUEST_SECONDS", 0.3)
    before = io_threads()
    with sink(f"127.0.0.1:{free_port()}", tmp_path) as running:
        time.sleep(5)
        assert running.fault()
        assert io_threads() - before <= 3
    eventually(lambda: io_threads() == before)


def test_what_waits_is_sent_after_a_restart(
    broker: Broker, new_topic: NewTopic, tmp_path: Path
) -> None:
    topic, batch = new_topic(), records(50)
    with sink(f"127.0.0.1:{free_port()}", tmp_path, samples_topic=topic) as away:
        away.write(batch)
    with sink(broker.address, tmp_path, samples_topic=topic) as running:
        eventually(lambda: stream_of(running).delivered == 50)
    found = consumed(broker, topic, lambda count: count >= 50)
    assert ids(found) == Counter(batch.column("record_id").to_pylist())


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_a_broker_that_is_killed_and_comes_back(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, client: str
) -> None:
    topic = new_topic()
    tap, sent = Tap(layers=[0], heads=1), Counter[str]()
    with sink(broker.address, tmp_path, client=client, samples_topic=topic) as running:
        for round_ in range(60):
            if round_ == 20:
                broker.kill()
            batch = records(20, tap)
            sent.update(batch.column("record_id").to_pylist())
            running.write(batch)
            time.sleep(0.1)
        eventually(lambda: stream_of(running).condition.state in ("stalled", "away"))
        broker.start()
        eventually(lambda: stream_of(running).spill.samples == 0)
        eventually(lambda: running.fault() == "")
        assert stream_of(running).lost.total() == 0
    found = ids(consumed(broker, topic, lambda count: count >= 1200))
    assert set(found) == set(sent)


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_a_broker_that_stands_still_is_told_and_nothing_is_lost(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, client: str
) -> None:
    topic = new_topic()
    with sink(broker.address, tmp_path, client=client, samples_topic=topic) as running:
        running.write(records(20))
        eventually(lambda: stream_of(running).delivered == 20)
        broker.pause()
        try:
            running.write(records(30))
            eventually(lambda: stream_of(running).condition.state == "stalled")
            assert "no acknowledgement for" in running.fault()
        finally:
            broker.resume()
        eventually(lambda: stream_of(running).delivered == 50)
        eventually(lambda: running.fault() == "")


def test_credentials_are_in_no_status() -> None:
    settings = config.Settings(
        kafka=config.Kafka(
            bootstrap_servers="a:1, b:2",
            username="u",
            password="verysecret",
            tls_key_password="alsosecret",
            sasl_mechanism="PLAIN",
        )
    )
    assert settings.kafka.bootstrap_servers == ["a:1", "b:2"]
    shown = f"{settings!r} {settings.model_dump(mode='json')} {settings.model_dump_json()}"
    assert "secret" not in shown.replace("SecretStr", "")


def _with(tap: Tap, large: dict[str, Any], others: int) -> pa.RecordBatch:
    return signals.compute(batch_of([large, *(tap.sample() for _ in range(others))]))
