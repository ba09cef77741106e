"""A sink on a broker, and what a consumer finds there."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from kafka import KafkaConsumer, TopicPartition

from sidecar import config, signals
from sidecar.daemon.own import OwnMetrics
from sidecar.daemon.sinks.kafka import KafkaSink
from sidecar.daemon.sinks.kafka.stream import Stream
from tests.daemon.synthetic import Tap
from tests.kafka.broker import Broker


def records(rows: int, tap: Tap | None = None) -> pa.RecordBatch:
    """Small samples with signals."""
    return signals.compute((tap or Tap(layers=[0], heads=2)).batch(rows))


@contextmanager
def sink(address: str, folder: Path, **settings: Any) -> Iterator[KafkaSink]:
    """A started sink, stopped at the end."""
    chosen = {"bootstrap_servers": [address], "spill_path": folder / "spill", **settings}
    running = KafkaSink(config.Kafka(**chosen), OwnMetrics())
    running.start()
    try:
        yield running
    finally:
        running.stop(time.monotonic() + 5)


def stream_of(running: KafkaSink) -> Stream:
    """The one of the samples."""
    return running._streams[running._settings.samples_topic]


def consumed(broker: Broker, topic: str, until: Callable[[int], bool]) -> list[Any]:
    """Records of a topic from its beginning, read until ``until`` their number is enough."""
    consumer = KafkaConsumer(bootstrap_servers=broker.address, auto_offset_reset="earliest")
    try:
        partitions = consumer.partitions_for_topic(topic)
        consumer.assign([TopicPartition(topic, number) for number in partitions])
        found: list[Any] = []
        limit = time.monotonic() + 60
        while not until(len(found)):
            assert time.monotonic() < limit, f"only {len(found)} records"
            for some in consumer.poll(500, max_records=5000).values():
                found += some
        for some in consumer.poll(1000).values():
            found += some
        return found
    finally:
        consumer.close()


def metric(running: KafkaSink, name: str, **labels: str) -> float:
    """A value on the page."""
    for family in running.collect():
        for sample in family.samples:
            if sample.name == f"attention_sidecar_kafka_{name}" and sample.labels == labels:
                return float(sample.value)
    return 0.0


def ids(found: list[Any]) -> Counter[str]:
    """How often each JSON record came."""
    import json

    return Counter(json.loads(record.value)["record_id"] for record in found)
