"""Encrypted and authenticated connections, and what is told when they are refused."""

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sidecar import cli, config
from sidecar.cli.kafka import _connected
from sidecar.daemon.consumers.tail import follow
from sidecar.daemon.sinks.kafka.client import connector
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
        assert re.search("(?i)authentication|certificate verify failed", running.fault())
        assert "guessed-word" not in running.fault()
        assert stream_of(running).spill.samples == 10
    with sink(
        broker.secured_address, tmp_path, client=client, samples_topic=topic, **secured(broker)
    ) as running:
        eventually(lambda: stream_of(running).delivered == 10)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", ["tls_ca", "tls_certificate"])
def test_a_file_that_is_not_there_is_named(
    broker: Broker, tmp_path: Path, client: str, name: str
) -> None:
    access = secured(broker, **{name: tmp_path / "none.pem"})
    with sink(broker.secured_address, tmp_path, client=client, **access) as running:
        told = f"kafka.{name}: cannot read '{tmp_path}/none.pem': No such file or directory"
        eventually(lambda: running.fault() == told)


def test_a_password_in_clear_is_warned_of(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    access = {"username": "ada", "password": "pa55", "sasl_mechanism": "PLAIN"}
    connector(config.Kafka(**access))
    pairs = ["kafka.bootstrap_servers=a:1", *(f"kafka.{k}={v}" for k, v in access.items())]
    _connected(None, tuple(pairs))
    for told in (caplog.text, capsys.readouterr().err):
        assert "kafka.sasl_mechanism: PLAIN without kafka.tls=true sends the password" in told
        assert "pa55" not in told


@pytest.mark.parametrize("command", ["tail", "archive from-kafka"])
def test_what_a_broker_forbids_is_a_line(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, command: str
) -> None:
    topic = new_topic()
    broker.forbid_reading(topic)
    kind = "samples" if command == "tail" else "archive"
    flags = [f"kafka.bootstrap_servers={broker.secured_address}", f"kafka.{kind}_topic={topic}"]
    flags += [f"kafka.{name}={value}" for name, value in secured(broker).items()]
    flags += [f"archive.path={tmp_path}"]
    options = [part for flag in flags for part in ("--set", flag)]
    done = CliRunner().invoke(cli.main, [*command.split(), *options])
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert "TopicAuthorizationFailed" in done.stderr
    assert topic in done.stderr
