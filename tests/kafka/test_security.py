"""Encrypted and authenticated connections, and what is told when they are refused."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sidecar import config
from sidecar.daemon.consumers.tail import follow
from tests.kafka import security
from tests.kafka.broker import Broker
from tests.kafka.kit import records, sink, stream_of
from tests.waiting import eventually

CLIENTS = ["kafka-python", "librdkafka"]
NewTopic = Callable[..., str]


def secured(broker: Broker, **changed: Any) -> dict[str, Any]:
    """Settings of the user that the broker knows."""
    given = {
        "tls": True,
        "tls_ca": broker.authority,
        "username": security.USER,
        "password": security.PASSWORD,
        "sasl_mechanism": "PLAIN",
    }
    return {**given, **changed}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_samples_pass_encrypted_and_authenticated(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, client: str, mechanism: str
) -> None:
    topic, batch = new_topic(), records(50)
    access = secured(broker, sasl_mechanism=mechanism)
    with sink(
        broker.secured_address, tmp_path, client=client, samples_topic=topic, **access
    ) as running:
        running.write(batch)
        eventually(lambda: stream_of(running).delivered == 50)
    settings = config.Kafka(
        bootstrap_servers=[broker.secured_address], samples_topic=topic, **access
    )
    with closing(follow(settings, from_start=True)) as rows:
        sent = filter(None, rows)
        found = {next(sent)["record_id"] for _ in range(50)}
    assert found == set(batch.column("record_id").to_pylist())


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    "wrong", [{"password": "guessed-word"}, {"tls_ca": None}], ids=["password", "authority"]
)
def test_who_is_refused_is_away_and_keeps_the_samples(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, client: str, wrong: dict[str, Any]
) -> None:
    topic, access = new_topic(), secured(broker, **wrong)
    with sink(
        broker.secured_address, tmp_path, client=client, samples_topic=topic, **access
    ) as running:
        running.write(records(10))
        eventually(lambda: stream_of(running).condition.state == "away")
        assert broker.secured_address in running.fault()
        assert "guessed-word" not in running.fault()
        assert stream_of(running).spill.samples == 10
    with sink(
        broker.secured_address, tmp_path, client=client, samples_topic=topic, **secured(broker)
    ) as running:
        eventually(lambda: stream_of(running).delivered == 10)
