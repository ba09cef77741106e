"""A secret in a prompt is in no byte that leaves the engine: Kafka, spill, Parquet, logs."""

import os
from pathlib import Path

import pytest

from tests.engine.server import daemon
from tests.engine.test_daemon import ask, sampled
from tests.kafka import broker as kafka
from tests.waiting import eventually

SECRETS = (b"zanzibar", b"plum-7741", b"Aldora", b"crowns")


@pytest.fixture
def broker(tmp_path):
    if kafka.lacking() and os.environ.get("CI") != "true":
        pytest.skip(kafka.lacking())
    with kafka.running(tmp_path / "broker") as started:
        for topic in ("attention.samples", "attention.archive"):
            started.create(topic)
        yield started


def lines(running, name):
    """Sum of a metric of the Kafka sink over its topics."""
    start = f"attention_sidecar_kafka_{name}"
    found = [line for line in running.metrics().splitlines() if line.startswith(start)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


def test_no_text_is_in_kafka_spill_archive_or_logs(served, broker, tmp_path):
    folder = tmp_path / "daemon"
    folder.mkdir()
    settings = {
        "ATTENTION_KAFKA__BOOTSTRAP_SERVERS": broker.address,
        "ATTENTION_KAFKA__ARCHIVE": "true",
        "ATTENTION_KAFKA__COMPRESSION": "none",
        "ATTENTION_KAFKA__SPILL_PATH": str(folder / "spill"),
        "ATTENTION_DAEMON__LOG_LEVEL": "debug",
    }
    with daemon(served, folder, **settings) as running:
        sampled(running)
        ask(served)
        eventually(lambda: lines(running, "delivered_samples_total") >= 16)
        broker.kill()
        ask(served, 1)
        eventually(lambda: lines(running, "waiting_samples") >= 16)
        page = (running.metrics() + str(running.status())).encode()
    spilled = [file for file in (folder / "spill").rglob("*.frames") if file.stat().st_size]
    sent = [file for file in broker.stored() if file.parent.name.startswith("attention.")]
    assert len(spilled) == 2
    assert any(b"request_id" in file.read_bytes() for file in sent), "it is really read"
    written: list[Path] = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any(file.suffix == ".parquet" for file in written)
    for secret in SECRETS:
        assert secret not in page
        assert [file for file in [*written, served.log] if secret in file.read_bytes()] == []
