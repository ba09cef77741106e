"""A secret in a prompt is in no text that leaves the engine: Kafka, spill, Parquet, logs."""

import pytest

from tests import leaks
from tests.conftest import skip
from tests.engine.server import daemon
from tests.engine.test_daemon import PLANTED, SECRETS, ask, sampled
from tests.kafka import broker as kafka
from tests.kafka.kit import consumed
from tests.waiting import eventually

TOPICS = ("attention.samples", "attention.archive")


@pytest.fixture
def broker(tmp_path):
    if lack := kafka.lacking():
        skip(lack)
    with kafka.running(tmp_path / "broker") as started:
        for topic in TOPICS:
            started.create(topic)
        yield started


def lines(running, name):
    """Sum of a metric of the Kafka sink over its topics."""
    start = f"attention_sidecar_kafka_{name}"
    found = [line for line in running.metrics().splitlines() if line.startswith(start)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


def received(broker, topic):
    """All that a consumer gets of a topic's records, keys and headers included."""
    records = consumed(broker, topic, lambda count: count > 0)
    kinds = [dict(one.headers)["content-type"].decode() for one in records]
    values = [leaks.in_message(one.value, kind) for one, kind in zip(records, kinds, strict=True)]
    return b"\n".join([*values, repr(records).encode()])


def in_files(files):
    return {file: leaks.in_file(file) for file in files if file.is_file()}


def test_no_text_is_in_kafka_spill_archive_or_logs(served, broker, tmp_path):
    folder = tmp_path / "daemon"
    folder.mkdir()
    settings = {
        "ATTENTION_KAFKA__BOOTSTRAP_SERVERS": broker.address,
        "ATTENTION_KAFKA__ARCHIVE": "true",
        "ATTENTION_KAFKA__COMPRESSION": "none",
        "ATTENTION_KAFKA__SPILL_PATH": str(folder / "spill"),
        "ATTENTION_DAEMON__LOG_LEVEL": "debug",
        "ATTENTION_ARCHIVE__ROLL_SECONDS": "3600",
    }
    with daemon(served, folder, **settings) as running:
        sampled(running)
        ask(served)
        eventually(lambda: lines(running, "delivered_samples_total") >= 16)
        told = {topic: received(broker, topic) for topic in TOPICS}
        broker.kill()
        ask(served, 1)
        eventually(lambda: lines(running, "waiting_samples") >= 16)
        journals = list((running.archive / "_journal").glob("*.arrows"))
        told |= {"metrics": running.metrics().encode()} | in_files(journals)
        status = str(running.status()).encode()
    spilled = [file for file in (folder / "spill").rglob("*.frames") if file.stat().st_size]
    stored = list(tmp_path.rglob("*.parquet"))
    assert journals
    assert stored
    assert {file.parent.name for file in spilled} == set(TOPICS)
    told |= in_files([*spilled, *stored])
    assert [where for where, text in told.items() if PLANTED not in text] == [], "it is really read"
    told |= in_files(tmp_path.rglob("*")) | {"status": status, "engine": served.log.read_bytes()}
    for secret in SECRETS:
        assert [where for where, text in told.items() if secret in text] == []
