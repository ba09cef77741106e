"""Alerts of drift on their topic, once each, also when brokers are away."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar import config
from sidecar.daemon.own import OwnMetrics
from sidecar.daemon.sinks.base import AlertTarget, Retryable
from sidecar.daemon.sinks.kafka import KafkaSink
from sidecar.drift import Alert
from tests.daemon.drift.kit import faulty, healthy, running
from tests.kafka.broker import Broker
from tests.kafka.kit import consumed, metric
from tests.waiting import eventually

NewTopic = Callable[..., str]


def alerts(folder: Path) -> list[Alert]:
    """One that is raised, and over."""
    with running(folder) as started:
        started.feed(faulty(300))
        started.feed(healthy(800))
        return started.listener.alerts


@pytest.mark.slow
def test_alerts_wait_for_brokers_and_arrive_once_in_order(
    broker: Broker, new_topic: NewTopic, tmp_path: Path
) -> None:
    topic, told = new_topic(1), alerts(tmp_path / "drift")
    settings = config.Kafka(
        bootstrap_servers=[broker.address],
        spill_path=tmp_path / "spill",
        samples_topic=new_topic(),
        alerts_topic=topic,
    )
    sink = KafkaSink(settings, OwnMetrics(), alerts=True)
    assert isinstance(sink, AlertTarget)
    with pytest.raises(Retryable, match="is not open"):
        sink.tell(told[0])
    broker.kill()
    sink.start()
    try:
        for alert in told:
            sink.tell(alert)
        assert metric(sink, "waiting_samples", topic=topic) == 2
        broker.start()
        eventually(lambda: metric(sink, "delivered_samples_total", topic=topic) == 2)
    finally:
        sink.stop(time.monotonic() + 5)
    with pytest.raises(Retryable):
        sink.tell(told[0])
    found = consumed(broker, topic, lambda count: count >= 2)
    assert [Alert.model_validate_json(record.value) for record in found] == told
    assert {record.key for record in found} == {told[0].id.encode()}
    headers = dict(found[0].headers)
    assert headers == {"schema-version": b"1", "content-type": b"application/json"}
    assert json.loads(found[0].value)["state"] == "firing"


def test_without_drift_the_topic_of_alerts_is_not_asked_for(tmp_path: Path) -> None:
    settings = config.Kafka(bootstrap_servers=["127.0.0.1:1"], spill_path=tmp_path)
    sink = KafkaSink(settings, OwnMetrics())
    sink.start()
    sink.stop(time.monotonic() + 1)
    assert not (tmp_path / settings.alerts_topic).exists()
