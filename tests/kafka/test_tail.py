"""What `tail` makes of records: the same from JSON and Avro, and of foreign ones nothing."""

import json
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import config, signals
from sidecar.daemon.consumers.samples import decode
from sidecar.daemon.consumers.tail import Filter, Readable, line
from sidecar.daemon.sinks.kafka import encode
from sidecar.daemon.sinks.kafka.messages import Unreadable
from tests.daemon.synthetic import Tap, batch_of

BATCH = signals.compute(batch_of([Tap(layers=[0, 4], heads=2, documents=0).sample() for _ in "ab"]))
AVRO: dict[str, Any] = {"format": "avro"}


def records(**settings: Any) -> list[Any]:
    """What a consumer would get."""
    messages = encode.samples(BATCH, config.Kafka(**settings))
    return [record(value, messages.headers()[0]) for value in messages.values]


def record(value: bytes | None, headers: list[tuple[str, bytes]]) -> Any:
    return SimpleNamespace(value=value, headers=headers, partition=1, offset=7)


@pytest.mark.parametrize("settings", [AVRO, {**AVRO, "schema_id": 7}])
def test_json_and_avro_are_the_same_rows(settings: dict[str, Any]) -> None:
    assert [decode(one) for one in records(**settings)] == [decode(one) for one in records()]


@pytest.mark.parametrize("settings", [{}, AVRO])
def test_a_row_is_the_json_that_is_sent(settings: dict[str, Any]) -> None:
    sent = json.loads(records()[0].value)
    assert None in sent["layer_context_share"], "there is something that was not measured"
    row = decode(records(**settings)[0])
    assert json.loads(json.dumps(row, allow_nan=False)) == sent


def headers(kind: str = "application/json", version: str = "2") -> list[tuple[str, bytes]]:
    return [("schema-version", version.encode()), ("content-type", kind.encode())]


FOREIGN = {
    "no columns": record(b"{}", headers()),
    "no object": record(b"7", headers()),
    "a column of another type": record(
        json.dumps({**json.loads(records()[0].value), "route": 7}).encode(), headers()
    ),
    "tombstone": record(None, headers()),
    "avro tombstone": record(None, headers("avro/confluent")),
    "avro junk": record(b"\xff" * 60, headers("avro/binary")),
    "avro of another schema": record(records(**AVRO)[0].value[:40], headers("avro/binary")),
    "another version": record(records()[0].value, headers(version="3")),
    "no version": record(records()[0].value, headers()[1:]),
    "no headers": record(records()[0].value, []),
    "header without a value": record(b"{}", [("content-type", None)]),  # type: ignore[list-item]
    "header of no text": record(b"{}", [("content-type", b"\xff")]),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_record_is_counted_told_and_left_out(name: str) -> None:
    told: list[str] = []
    readable = Readable(told.append)
    assert len(list(readable.rows([records()[0], FOREIGN[name], records()[1]]))) == 2
    assert readable.left_out == 1
    assert told[0].startswith("left out, 1 so far: partition 1, offset 7: ")


@given(st.binary(max_size=200), st.sampled_from(["application/json", "avro/binary"]))
def test_any_bytes_are_a_row_or_unreadable(value: bytes, kind: str) -> None:
    with suppress(Unreadable):
        Filter(route="a").passes(decode(record(value, headers(kind))))


def test_what_clients_choose_cannot_command_the_terminal() -> None:
    row = decode(records()[0])
    row["route"], row["request_id"] = "\x1b[2J\x1b]0;owned\x07x", "né\u202eb\x9b\n"
    shown = line(row)
    assert shown.isprintable()
    assert r"\x1b[2J\x1b]0;owned\x07x" in shown
    assert r"né\u202eb\x9b\n" in shown
