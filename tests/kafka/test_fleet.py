"""One monitor for many replicas: one alert, through kills, outages, takeovers and junk."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from kafka import KafkaProducer

from sidecar import config
from sidecar.daemon.consumers import progress
from sidecar.daemon.sinks.kafka import encode
from sidecar.demo.processes import free_port as another_port
from sidecar.drift import Requests
from tests.daemon.drift.kit import batch, faulty, healthy
from tests.daemon.test_service import command
from tests.kafka.broker import Broker
from tests.kafka.monitor import Replicas, Topics, monitor
from tests.waiting import eventually

NewTopic = Callable[..., str]
LONG = 180.0
"""Seconds for a client and a group to find each other again."""
FORMATS: dict[str, dict[str, Any]] = {
    "json": {},
    "avro": {"format": "avro"},
    "framed": {"format": "avro", "schema_id": 7},
}


@pytest.fixture
def topics(broker: Broker, new_topic: NewTopic) -> Callable[[int], Topics]:
    return lambda partitions: Topics(broker, new_topic(partitions), new_topic(1))


def portions(requests: Requests, size: int) -> list[pa.RecordBatch]:
    return [
        batch(requests.take(slice(start, start + size))) for start in range(0, len(requests), size)
    ]


def sent(broker: Broker, topic: str, found: pa.RecordBatch, times: int = 1) -> None:
    """As a replica sends it, and again as one does that was killed before it noted that."""
    messages = encode.samples(found, config.Kafka())
    producer = KafkaProducer(bootstrap_servers=broker.address)
    for _ in range(times):
        for value, headers in zip(messages.values, messages.headers(), strict=True):
            producer.send(topic, value, headers=headers, partition=0)
    producer.flush(30)
    producer.close()


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
def test_a_fault_of_one_stream_on_two_replicas_is_one_alert(
    topics: Callable[[int], Topics], tmp_path: Path, free_port: int, form: str
) -> None:
    used = topics(4)
    replicas = Replicas(used, tmp_path, FORMATS[form])
    with monitor(used, tmp_path / "fleet", free_port) as fleet:
        replicas.publish(portions(healthy(50, 1), 50), portions(healthy(50, 2), 50))
        eventually(lambda: fleet.watched == 100)
        replicas.publish(portions(faulty(150, 1), 75), portions(faulty(150, 2), 75))
        eventually(lambda: fleet.watched == 400)
        eventually(lambda: not fleet.value("attention_sidecar_drift_waiting_alerts"))
        eventually(lambda: not fleet.value("attention_sidecar_kafka_waiting_samples"))
        eventually(lambda: fleet.fleet()["lag_records"] == 0)
        assert fleet.fleet()["state"] == "watching"
        assert fleet.fleet()["partitions"] == 4
        shown = command("status", "--url", fleet.url).stdout
        assert "0 records behind on 4 partitions" in shown
        assert "drift 1 alarm" in shown
        [alert] = used.told(1)
        assert (alert.state, alert.route) == ("firing", "rag")
        assert fleet.stop() == 0
    assert "Traceback" not in fleet.log.read_text()


@pytest.mark.slow
def test_kills_in_the_middle_lose_no_evidence_and_repeat_no_alert(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, free_port: int
) -> None:
    samples = new_topic(1)
    runs = {name: Topics(broker, samples, new_topic(1)) for name in ("whole", "cut")}
    replicas = Replicas(runs["cut"], tmp_path)
    total = 0
    for some in (healthy(200), faulty(60, 1), faulty(240, 2)):
        with monitor(runs["cut"], tmp_path / "cut", free_port) as fleet:
            half = len(some) // 2
            replicas.publish(portions(some.take(slice(0, half)), half))
            eventually(lambda: fleet.received)
            fleet.stop(signal.SIGKILL)
        replicas.publish(portions(some.take(slice(half, None)), half))
        total += len(some)
    ends = {}
    for name, used in runs.items():
        with monitor(used, tmp_path / name, free_port) as fleet:
            eventually(lambda: fleet.fleet()["lag_records"] == 0)
            eventually(lambda: not fleet.value("attention_sidecar_drift_open_requests"))
            assert fleet.value("attention_sidecar_fleet_takeovers_total") == 0
            assert fleet.stop() == 0
        ends[name] = fleet.evidence()
    assert ends["cut"] == pytest.approx(ends["whole"])
    for used in runs.values():
        assert [alert.state for alert in used.told(1)] == ["firing"]


@pytest.mark.slow
def test_a_broker_that_goes_and_comes_back_costs_nothing(
    topics: Callable[[int], Topics], tmp_path: Path, free_port: int
) -> None:
    used = topics(2)
    replicas = Replicas(used, tmp_path)
    with monitor(used, tmp_path / "fleet", free_port) as fleet:
        replicas.publish(portions(healthy(50), 50))
        eventually(lambda: fleet.watched == 50)
        used.broker.kill()
        eventually(lambda: fleet.fleet()["state"] == "away")
        assert fleet.fleet()["lag_records"] is None
        assert fleet.value("attention_sidecar_fleet_lag_records{") == 0
        used.broker.start()
        replicas.publish(portions(faulty(200), 100))
        eventually(lambda: fleet.watched == 250, LONG)
        eventually(lambda: fleet.fleet()["lag_records"] == 0)
        assert fleet.value("attention_sidecar_fleet_takeovers_total") == 0
        assert [alert.state for alert in used.told(1)] == ["firing"]


@pytest.mark.slow
def test_a_monitor_that_starts_without_a_broker_waits_for_it(
    topics: Callable[[int], Topics], tmp_path: Path, free_port: int
) -> None:
    used = topics(1)
    used.broker.kill()
    with monitor(used, tmp_path / "fleet", free_port) as fleet:
        eventually(lambda: "no broker at" in fleet.fleet()["error"])
        used.broker.start()
        sent(used.broker, used.samples, batch(healthy(5)))
        eventually(lambda: fleet.watched == 5, LONG)


@pytest.mark.slow
def test_what_cannot_be_read_is_counted_by_reason_and_what_comes_twice_counts_once(
    topics: Callable[[int], Topics], tmp_path: Path, free_port: int
) -> None:
    used = topics(1)
    an_hour_ago = [int((time.time() - 3600) * 1e6)] * 6
    good = batch(healthy(6), time=an_hour_ago)
    messages = encode.samples(good, config.Kafka())
    [headers, *_] = messages.headers()
    row = json.loads(messages.values[0])
    kind = ("content-type", b"application/json")
    junk = [
        (b"no headers", []),
        (b"no JSON", headers),
        (None, headers),
        (b"\x00junk", [headers[0], ("content-type", b"avro/binary")]),
        (messages.values[0], [("schema-version", b"1"), kind]),
        (json.dumps({**row, "model_name": None}).encode(), headers),
        (json.dumps({**row, "step": "many"}).encode(), headers),
        (json.dumps({**row, "tags": 3}).encode(), headers),
    ]
    producer = KafkaProducer(bootstrap_servers=used.broker.address)
    for value, given in junk:
        producer.send(used.samples, value, b"key", headers=given, partition=0)
    producer.flush(30)
    producer.close()
    sent(used.broker, used.samples, good, times=2)
    malformed = "attention_sidecar_malformed_messages_total"
    with monitor(used, tmp_path / "fleet", free_port) as fleet:
        eventually(lambda: fleet.watched == 6)
        assert fleet.value(f'{malformed}{{reason="version"}}') == 2
        assert fleet.value(f'{malformed}{{reason="unreadable"}}') == 3
        assert fleet.value(f'{malformed}{{reason="schema"}}') == 3
        assert fleet.value("attention_sidecar_fleet_duplicate_samples_total") == 6
        assert fleet.value("attention_sidecar_drift_clock_corrections_total") == 0
        fleet.stop()
    sent(used.broker, used.samples, good)
    with monitor(used, tmp_path / "fleet", free_port) as fleet:
        eventually(lambda: fleet.value("attention_sidecar_fleet_duplicate_samples_total") == 6)
        assert fleet.watched == 0


@pytest.mark.slow
def test_one_member_watches_and_another_takes_over_anew(
    topics: Callable[[int], Topics], tmp_path: Path, free_port: int
) -> None:
    used = topics(3)
    replicas = Replicas(used, tmp_path)
    with monitor(used, tmp_path / "a", free_port) as first:
        replicas.publish(portions(faulty(200, 1), 200))
        eventually(lambda: first.watched == 200)
        eventually(lambda: used.told(1))
        with monitor(used, tmp_path / "b", another_port()) as second:
            eventually(lambda: second.fleet()["state"] == "standby")
            replicas.publish(portions(healthy(30, 1), 30))
            eventually(lambda: first.watched == 230)
            assert second.received == 0
            first.process.send_signal(signal.SIGSTOP)
            eventually(lambda: second.fleet()["state"] == "watching", LONG)
            assert second.value("attention_sidecar_fleet_takeovers_total") == 1
            first.process.send_signal(signal.SIGCONT)
            eventually(lambda: first.fleet()["state"] == "standby", LONG)
            assert first.value("attention_sidecar_drift_begun_anew_total") == 1
            assert first.value('attention_drift_state{attention_drift_state="alarm"') == 0
            replicas.publish(portions(healthy(30, 2), 30))
            eventually(lambda: second.watched >= 30)
            eventually(lambda: second.fleet()["lag_records"] == 0)
            assert "evidence begins anew" in second.log.read_text()


@pytest.mark.slow
def test_with_a_shared_folder_another_member_goes_on_where_the_first_was(
    topics: Callable[[int], Topics], tmp_path: Path, free_port: int
) -> None:
    used = topics(2)
    replicas = Replicas(used, tmp_path)
    shared = f"drift.state_path={tmp_path / 'shared'}"
    with monitor(used, tmp_path / "a", free_port, shared) as first:
        replicas.publish(portions(faulty(200), 200))
        eventually(lambda: first.watched == 200)
        eventually(lambda: used.told(1))
        with monitor(used, tmp_path / "b", another_port(), shared) as second:
            eventually(lambda: "set drift.state_path" in second.fleet()["error"])
            first.stop(signal.SIGKILL)
            eventually(lambda: second.fleet()["state"] == "watching", LONG)
            replicas.publish(portions(faulty(60, 2), 60))
            eventually(lambda: second.watched == 60)
            assert second.value('attention_drift_state{attention_drift_state="alarm"') == 1
            assert second.value("attention_sidecar_fleet_takeovers_total") == 0
            assert len(used.told(1)) == 1


@pytest.mark.slow
def test_a_new_group_begins_with_what_comes(
    topics: Callable[[int], Topics], tmp_path: Path
) -> None:
    from sidecar.daemon.consumers.member import Member

    used = topics(2)
    sent(used.broker, used.samples, batch(healthy(9)))
    settings = config.Kafka(bootstrap_servers=[used.broker.address], samples_topic=used.samples)
    member = Member(settings, used.alerts, None, from_start=False)
    try:
        eventually(lambda: member.poll() == {} and member.settled)
        assert member.mark.following == {0: 9, 1: 0}
        assert member.lag() == {0: 0, 1: 0}
    finally:
        member.close()


def test_the_lag_is_not_told_while_nobody_knows_it() -> None:
    found = progress.Progress(state="watching", lag={0: 3, 1: 4})
    assert found.summary()["lag_records"] == 7
    found.show("away", "no broker")
    assert found.summary()["lag_records"] is None
