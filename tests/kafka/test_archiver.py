"""Archivers of one consumer group: shared partitions, kills, duplicates, foreign messages."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from sidecar import archive, config, schema, wire
from sidecar.archive.compaction import Compaction
from sidecar.daemon.consumers import archiver as module
from sidecar.daemon.consumers.archiver import Archiver
from sidecar.daemon.sinks.kafka import encode
from tests.archive.test_versions import ADDED
from tests.daemon.synthetic import Tap
from tests.kafka.broker import Broker
from tests.kafka.kit import records, sink
from tests.waiting import eventually

NewTopic = Callable[..., str]
COMMAND = [str(Path(sys.executable).with_name("attention-sidecar")), "archive", "from-kafka"]


def stored(folder: Path) -> list[str]:
    ids: list[str] = archive.open(folder).to_arrow(["record_id"])["record_id"].to_pylist()
    return sorted(ids)


def settings(
    broker: Broker, folder: Path, topic: str = "attention.archive", roll_seconds: float = 0.5
) -> config.Settings:
    return config.Settings(
        kafka=config.Kafka(bootstrap_servers=[broker.address], archive_topic=topic),
        archive=config.Archive(path=folder, roll_seconds=roll_seconds),
    )


def drained(archiver: Archiver, rows: int, seconds: float = 40) -> None:
    """Run until so many rows, duplicates included, were read."""
    limit = time.monotonic() + seconds
    read = lambda: archiver.counts["rows"] + archiver.counts["duplicates"]  # noqa: E731
    archiver.run(lambda: read() >= rows or time.monotonic() > limit)
    assert read() == rows


def journalled(folder: Path) -> int:
    """Rows in journals."""
    rows = 0
    for file in (folder / "_journal").glob("*.arrows"):
        with suppress(pa.ArrowInvalid, OSError), pa.ipc.open_stream(file.read_bytes()) as reader:
            rows += sum(map(len, reader))
    return rows


@contextmanager
def process(
    broker: Broker, folder: Path, topic: str, log: Path, *, roll_seconds: float = 2
) -> Iterator[subprocess.Popen[bytes]]:
    flags = [
        f"kafka.bootstrap_servers={broker.address}",
        f"archive.path={folder}",
        f"kafka.archive_topic={topic}",
        f"archive.roll_seconds={roll_seconds}",
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
    other = tmp_path / "other"
    with process(broker, other, topic, tmp_path / "log", roll_seconds=3600) as first:
        eventually(lambda: journalled(other) == len(sent))
        first.kill()
    second = Archiver(chosen, topic)
    drained(second, len(sent))
    assert stored(tmp_path / "fleet") == sorted(sent)
    third = Archiver(chosen, topic)
    begin = time.monotonic()
    third.run(lambda: time.monotonic() - begin > 5)
    assert third.counts == {}


@pytest.mark.slow
def test_files_are_finished_and_committed_after_so_many_rows(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SETTLE_ROWS", 100)
    topic = new_topic(1)
    broker.create(topic + "-s")
    publish(broker, tmp_path, topic, 4)
    chosen = settings(broker, tmp_path / "fleet", topic, roll_seconds=3600)
    archiver = Archiver(chosen, topic)
    limit = time.monotonic() + 40

    def committed() -> int | None:
        offset: int | None = archiver._consumer.committed(TopicPartition(topic, 0))
        return offset

    archiver.run(lambda: bool(committed()) or time.monotonic() > limit)
    assert len(stored(tmp_path / "fleet")) >= 100


def at_the_end(consumer: KafkaConsumer) -> bool:
    """Whether it has partitions, and nothing of them is left to read."""
    ends = consumer.end_offsets(list(consumer.assignment()))
    return bool(ends) and all(consumer.position(one) == end for one, end in ends.items())


@pytest.mark.slow
def test_who_takes_partitions_over_reads_nothing_again(
    broker: Broker, new_topic: NewTopic, tmp_path: Path
) -> None:
    topic = new_topic(4)
    broker.create(topic + "-s")
    sent = publish(broker, tmp_path, topic, 10)
    folder = tmp_path / "fleet"
    with process(broker, folder, topic, tmp_path / "log", roll_seconds=3600) as first:
        eventually(lambda: journalled(folder) == len(sent))
        second = Archiver(settings(broker, folder, topic), topic)
        limit = time.monotonic() + 60
        second.run(lambda: at_the_end(second._consumer) or time.monotonic() > limit)
        assert time.monotonic() < limit
        assert first.poll() is None
    assert second.counts == {}
    assert stored(folder) == sorted(sent)


@pytest.mark.slow
def test_what_is_stored_is_looked_up_once_for_all_partitions(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = new_topic(6)
    broker.create(topic + "-s")
    sent = publish(broker, tmp_path, topic, 30)
    archiver = Archiver(settings(broker, tmp_path / "fleet", topic), topic)
    loads: list[Path] = []
    monkeypatch.setattr(archiver._seen, "load", loads.append)
    drained(archiver, len(sent))
    assert loads == [tmp_path / "fleet"]


@pytest.mark.slow
def test_messages_of_an_earlier_version_are_stored_with_nulls(
    broker: Broker, new_topic: NewTopic, tmp_path: Path
) -> None:
    topic, batch = new_topic(1), records(5)
    producer = KafkaProducer(bootstrap_servers=broker.address)
    producer.send(topic, of_version_1(batch)).get(10)
    producer.close()
    drained(Archiver(settings(broker, tmp_path / "fleet", topic), topic), 5)
    found = archive.open(tmp_path / "fleet").to_arrow(["record_id", "grounding_score", "time"])
    assert sorted(found["record_id"].to_pylist()) == sorted(batch["record_id"].to_pylist())
    assert found["grounding_score"].null_count == 5


@pytest.mark.slow
def test_a_message_of_a_later_version_stops_the_archiver_and_is_not_committed(
    broker: Broker, new_topic: NewTopic, tmp_path: Path
) -> None:
    topic = new_topic(1)
    producer = KafkaProducer(bootstrap_servers=broker.address)
    [right] = encode.whole(records(3), 10_000_000)
    later = wire.encode_batch(
        records(2, Tap(boot="b")).replace_schema_metadata({schema.VERSION_KEY: b"3"})
    )
    for value in (right.values[0], later):
        producer.send(topic, value).get(10)
    producer.close()
    for _ in range(2):
        with process(broker, tmp_path / "fleet", topic, tmp_path / "log") as running:
            assert running.wait(60) == 1
    told = "partition 0, offset 1: schema version 3, known are those up to 2: upgrade the archivers"
    assert (tmp_path / "log").read_text().count(f"Error: {told}") == 2
    assert len(stored(tmp_path / "fleet")) == 3


def of_version_1(batch: pa.RecordBatch) -> bytes:
    kept = [name for name in batch.schema.names if name not in ADDED]
    old = batch.select(kept).replace_schema_metadata({schema.VERSION_KEY: b"1"})
    return wire.encode_batch(old)


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
    for value in (b"junk", other, None, right.values[0]):
        producer.send(topic, value, key=b"k").get(10)
    producer.close()
    archiver = Archiver(settings(broker, tmp_path / "fleet", topic), topic)
    drained(archiver, 3)
    assert archiver.counts["refused (not_arrow)"] == 2
    assert archiver.counts["refused (schema)"] == 1
    assert len(stored(tmp_path / "fleet")) == 3


@pytest.mark.slow
def test_what_was_merged_before_its_offsets_were_committed_is_not_stored_again(
    broker: Broker, new_topic: NewTopic, tmp_path: Path
) -> None:
    topic = new_topic(2)
    broker.create(topic + "-s")
    sent, folder = publish(broker, tmp_path, topic, 5), tmp_path / "fleet"
    with process(broker, folder, topic, tmp_path / "log", roll_seconds=3600) as first:
        eventually(lambda: journalled(folder) == len(sent))
        first.kill()
    archive.Writer(config.Archive(path=folder)).close()
    files = len(archive.open(folder).files)
    more = archive.Writer(config.Archive(path=folder))
    more.append(records(3, Tap(boot="another")))
    more.close()
    steps = list(Compaction(folder, 1 << 30).run(-2))
    assert steps
    assert len(archive.open(folder).files) == files
    second = Archiver(settings(broker, folder, topic), topic)
    drained(second, len(sent))
    assert second.counts["duplicates"] == len(sent)
    assert set(stored(folder)) >= sent
    assert len(stored(folder)) == len(sent) + 3
