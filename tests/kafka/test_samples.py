"""Records of Kafka as batches again: the archive's values, and nothing that is not ours."""

import json
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from sidecar import config, schema
from sidecar.archive import rounded
from sidecar.daemon.consumers.polled import after, expired, split
from sidecar.daemon.consumers.samples import batch_of
from sidecar.daemon.sinks.kafka import encode
from tests.kafka.kit import records


def sent(batch: pa.RecordBatch, **settings: Any) -> list[SimpleNamespace]:
    messages = encode.samples(batch, config.Kafka(**settings))
    pairs = zip(messages.values, messages.headers(), strict=True)
    return [
        SimpleNamespace(value=value, headers=headers, partition=0, offset=number, timestamp=number)
        for number, (value, headers) in enumerate(pairs)
    ]


def changed(record: SimpleNamespace, **columns: Any) -> SimpleNamespace:
    row = {**json.loads(record.value), **columns}
    value = json.dumps(row).encode()
    return SimpleNamespace(value=value, headers=record.headers, partition=0, offset=0)


@pytest.mark.parametrize("settings", [{}, {"format": "avro"}, {"format": "avro", "schema_id": 7}])
def test_every_column_has_the_value_that_the_archive_stores(settings: dict[str, Any]) -> None:
    batch = records(50)
    found, refused = batch_of(sent(batch, **settings))
    assert not refused
    schema.check(found, schema.RECORD)
    wanted = rounded(batch.select(schema.SCALAR_RECORD.names))
    for name in schema.SCALAR_RECORD.names:
        assert str(found.column(name).to_pylist()) == str(wanted.column(name).to_pylist()), name
    assert {found.column(field.name).null_count for field in schema.HEADS} == {50}


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"model_name": None}, "schema"),
        ({"step": "many"}, "schema"),
        ({"step": 1 << 40}, "schema"),
        ({"tags": 3}, "schema"),
        ({"time": "yesterday"}, "schema"),
        ({"layers": [[1]]}, "schema"),
    ],
)
def test_a_row_that_does_not_fit_is_left_out_alone(columns: dict[str, Any], reason: str) -> None:
    good = sent(records(3))
    found, refused = batch_of([good[0], changed(good[1], **columns), good[2]])
    assert len(found) == 2
    assert refused == {reason: 1}


def test_nothing_is_a_batch_too() -> None:
    found, refused = batch_of([])
    assert (len(found), found.schema.names, refused) == (0, schema.RECORD.names, {})


def at(*offsets: int) -> list[SimpleNamespace]:
    return [SimpleNamespace(offset=offset, timestamp=-offset) for offset in offsets]


def test_records_taken_before_are_told_from_new_ones_in_order_of_sending() -> None:
    found = {0: at(4, 5, 6), 1: at(0, 1)}
    old, new = split(found, {0: 5, 1: 0, 2: 9})
    assert [record.offset for record in old] == [4]
    assert [record.offset for record in new] == [6, 5, 1, 0]
    assert after(found, {0: 5, 1: 0, 2: 9}) == {0: 7, 1: 2, 2: 9}
    assert after({0: at(1, 2)}, {0: 5}) == {0: 5}, "what is read again moves nothing back"


def test_records_that_the_topic_no_longer_has_are_counted() -> None:
    assert expired({0: at(7), 1: at(3)}, {0: 4, 1: 3}) == 3
    assert expired({0: at(1)}, {0: 4}) == 0
