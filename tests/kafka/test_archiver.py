"""Archivers of one consumer group: shared partitions, kills, duplicates, foreign messages."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka import KafkaProducer

from sidecar import archive, config, wire
from sidecar.daemon.consumers.archiver import Archiver
from sidecar.daemon.consumers.seen import Seen
from sidecar.daemon.sinks.kafka import encode
from tests.daemon.synthetic import Tap
from tests.kafka.broker import Broker
from tests.kafka.kit import records, sink
from tests.waiting import eventually

NewTopic = Callable[..., str]
COMMAND = [str(Path(sys.executable).with_name("attention-sidecar")), "archive", "from-kafka"]


def stored(folder: Path) -> list[str]:
    ids: list[str] = archive.open(folder).to_arrow(["record_id"])["record_id"].to_pylist()
    return sorted(ids)


def settings(broker: Broker, folder: Path, topic: str = "attention.archive") -> config.Settings:
    return config.Settings(
        kafka=config.Kafka(bootstrap_servers=[broker.address], archive_topic=topic),
        archive=config.Archive(path=folder, roll_seconds=0.5),
    )


def drained(archiver: Archiver, rows: int, seconds: float = 40) -> None:
    """Run until so many rows, duplicates included, were read."""
    limit = time.monotonic() + seconds
    read = lambda: archiver.counts["rows"] + archiver.counts["duplicates"]  # noqa: E731
    archiver.run(lambda: read() >= rows or time.monotonic() > limit)
    assert read() == rows


@contextmanager
def process(
    broker: Broker, folder: Path, topic: str, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    flags = [
        f"kafka.bootstrap_servers={broker.address}",
        f"archive.path={folder}",
        f"kafka.archive_topic={topic}",
        "archive.roll_seconds=2",
    ]
    arguments = [part for flag in flags for part in ("--set", flag)]
    with log.open("ab") as out:
        started = subprocess.Popen([*COMMAND, "--group", topic, *arguments], stdout=out, stderr=out)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(30)


def publish(
    broker: Broker, folder: Path, topic: str, batches: int, boot: str = "boot-1"
) -> set[str]:
    """Send whole batches; the ids in them."""
    tap, sent = Tap(boot=boot), set[str]()
    with sink(
        broker.address, folder, samples_topic=topic + "-s", archive_topic=topic, archive=True
    ) as running:
        for _ in range(batches):
            batch = records(40, tap)
            sent |= set(batch.column("record_id").to_pylist())
            running.write(batch)
        eventually(lambda: running._streams[topic].spill.samples == 0)
    return sent


@pytest.mark.slow
def test_the_archive_from_kafka_is_the_daemons_own(
    broker: Broker, new_topic: NewTopic, tmp_path: Path
) -> None:
    topic, batch = new_topic(2), records(100, Tap())
    with sink(
        broker.address, tmp_path, samples_topic=new_topic(), archive_topic=topic, archive=True
    ) as running:
        running.write(batch)
    own = archive.Writer(config.Archive(path=tmp_path / "own"))
    own.append(batch)
    own.close()
    archiver = Archiver(settings(broker, tmp_path / "fleet", topic), topic)
    drained(archiver, 100)
    tables = [
        archive.open(tmp_path / name).to_arrow().sort_by("record_id") for name in ("own", "fleet")
    ]
    for name in tables[0].column_names:
        left, right = (str(table.column(name).to_pylist()) for table in tables)
        assert left == right, name


@pytest.mark.slow
def test_of_two_archivers_one_is_killed_and_every_row_is_there_once(
    broker: Broker, new_topic: NewTopic, tmp_path: Path
) -> None:
    topic = new_topic(6)
    broker.create(f"{topic}-s", 1)
    folder = tmp_path / "fleet"
    with (
        process(broker, folder, topic, tmp_path / "a.log") as first,
        process(broker, folder, topic, tmp_path / "b.log") as second,
    ):
        both = [tmp_path / "a.log", tmp_path / "b.log"]
        eventually(lambda: all("partitions" in log.read_text() for log in both))
        sent = publish(broker, tmp_path, topic, 60)
        time.sleep(1)
        first.kill()
        sent |= publish(broker, tmp_path / "more", topic, 20, boot="boot-2")
        eventually(lambda: len(set(stored(folder))) == len(sent))
        time.sleep(3)
        assert second.poll() is None
    assert set(stored(folder)) == sent
    assert len(stored(folder)) == len(sent), "duplicates are left out"


@pytest.mark.slow
def test_offsets_are_committed_after_the_files_only(
    broker: Broker, new_topic: NewTopic, tmp_path: Path
) -> None:
    topic = new_topic(2)
    broker.create(topic + "-s")
    sent = publish(broker, tmp_path, topic, 5)
    chosen = settings(broker, tmp_path / "fleet", topic)
    slow = chosen.model_copy(update={"archive": config.Archive(path=tmp_path / "x")})
    first = Archiver(slow, topic)
    limit = time.monotonic() + 30
    while first.counts["rows"] < len(sent) and time.monotonic() < limit:
        for partition, found in first._consumer.poll(500).items():
            first._take(partition, found)
    assert first.counts["rows"] == len(sent)
    first._consumer.close(autocommit=False)
    second = Archiver(chosen, topic)
    drained(second, len(sent))
    assert stored(tmp_path / "fleet") == sorted(sent)
    third = Archiver(chosen, topic)
    begin = time.monotonic()
    third.run(lambda: time.monotonic() - begin > 5)
    assert third.counts == {}


@pytest.mark.slow
def test_what_is_sent_twice_is_stored_once_also_after_a_restart(
    broker: Broker, new_topic: NewTopic, tmp_path: Path
) -> None:
    topic = new_topic(1)
    batch = records(50, Tap())
    [messages] = encode.whole(batch, 10_000_000)
    producer = KafkaProducer(bootstrap_servers=broker.address)
    for _ in range(2):
        producer.send(topic, messages.values[0]).get(10)
    chosen = settings(broker, tmp_path / "fleet", topic)
    drained(Archiver(chosen, topic), 100)
    producer.send(topic, messages.values[0]).get(10)
    again = Archiver(chosen, topic)
    drained(again, 50)
    assert again.counts["duplicates"] == 50
    assert stored(tmp_path / "fleet") == sorted(batch.column("record_id").to_pylist())
    producer.close()


@pytest.mark.slow
def test_foreign_messages_are_counted_and_left_out(
    broker: Broker, new_topic: NewTopic, tmp_path: Path
) -> None:
    topic = new_topic(1)
    producer = KafkaProducer(bootstrap_servers=broker.address)
    other = wire.encode_batch(Tap(layers=[0], heads=1).batch(2))
    [right] = encode.whole(records(3), 10_000_000)
    for value in (b"junk", other, right.values[0]):
        producer.send(topic, value).get(10)
    producer.close()
    archiver = Archiver(settings(broker, tmp_path / "fleet", topic), topic)
    drained(archiver, 3)
    assert archiver.counts["refused (not_arrow)"] == 1
    assert archiver.counts["refused (schema)"] == 1
    assert len(stored(tmp_path / "fleet")) == 3


def test_ids_are_remembered_up_to_a_bound() -> None:
    seen = Seen(most=3)
    batch = records(4)
    assert seen.fresh(batch).all()
    seen.remember(batch.column("record_id").to_pylist())
    assert seen.fresh(batch).tolist() == [True, False, False, False]


def test_a_batch_that_repeats_itself_is_stored_once() -> None:
    import pyarrow as pa

    batch = records(2)
    assert Seen().fresh(pa.concat_batches([batch, batch])).tolist() == [True, True, False, False]
