"""What is sent: the values of the Parquet row, as JSON, Avro and Arrow."""

import json
from datetime import UTC, datetime
from pathlib import Path

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2 as reference_murmur2

from sidecar import archive, config, schema, signals, wire
from sidecar.daemon.sinks.kafka import avro, encode
from sidecar.daemon.sinks.kafka.messages import Messages, Unreadable, pack, unpack
from sidecar.daemon.sinks.kafka.partitions import Partitions, murmur2
from tests.daemon.synthetic import Tap, batch_of
from tools import schemas

KAFKA = config.Kafka()
AVRO = config.Kafka(format="avro")


def records(rows: int = 20) -> pa.RecordBatch:
    """Some with documents and some without, at the first step and later, with odd texts."""
    tap = Tap(layers=[2, 5], heads=4)
    samples = [
        tap.sample(step=row % 3, tags=[("tenant", f'"{row}"\n\\é'), ("x", "")])
        for row in range(rows)
    ]
    samples[1]["traceparent"] = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    samples[2]["route"] = "\u2028 </script>"
    plain = Tap(layers=[2, 5], heads=4, documents=0, boot="none")
    return signals.compute(batch_of([*samples, plain.sample(), plain.sample(step=0)]))


def parquet_rows(batch: pa.RecordBatch, folder: Path) -> list[dict[str, object]]:
    """What the archive stores of a batch."""
    writer = archive.Writer(config.Archive(path=folder))
    writer.append(batch)
    writer.close()
    names = schema.SCALAR_RECORD.names
    table = archive.open(folder).to_arrow(names)
    order = pc.index_in(batch.column("record_id"), table.column("record_id").combine_chunks())
    rows: list[dict[str, object]] = table.take(order).to_pylist()
    return [{**row, "tags": dict(row["tags"])} for row in rows]  # type: ignore[call-overload]


def comparable(value: object) -> object:
    """NaN and null of lists alike, and moments as such."""
    if isinstance(value, list):
        return [None if isinstance(one, float) and np.isnan(one) else one for one in value]
    return value


def test_json_and_avro_hold_the_values_of_the_parquet_row(tmp_path: Path) -> None:
    batch = records()
    stored = parquet_rows(batch, tmp_path)
    as_json = [json.loads(value) for value in encode.samples(batch, KAFKA).values]
    as_avro = [avro.decode(value, framed=False) for value in encode.samples(batch, AVRO).values]
    for row in as_json:
        row["time"] = datetime.fromisoformat(row["time"])
    for found in (as_json, as_avro):
        for row, expected in zip(found, stored, strict=True):
            assert list(row) == schema.SCALAR_RECORD.names
            for name, value in expected.items():
                assert comparable(row[name]) == comparable(value), name
    assert {row["context_share"] is None for row in stored} == {True, False}


def test_a_slice_of_a_batch_is_encoded_as_itself() -> None:
    batch = records()
    whole, part = encode.samples(batch, KAFKA), encode.samples(batch.slice(3, 5), KAFKA)
    assert part.values == whole.values[3:8]
    assert part.keys == whole.keys[3:8]


def test_json_has_no_nan_and_tells_time_in_utc() -> None:
    value = encode.samples(records(3), KAFKA).values[-1].decode()
    assert "NaN" not in value
    moment = json.loads(value)["time"]
    assert moment.endswith("Z")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()) < 600


def test_a_foreign_avro_reader_needs_the_committed_schema_alone() -> None:
    from io import BytesIO

    committed = fastavro.parse_schema(json.loads(schemas.FILE.read_text()))
    value = encode.samples(records(3), AVRO).values[0]
    row = fastavro.schemaless_reader(BytesIO(value), committed, None)
    assert isinstance(row, dict)
    assert row["record_id"] == "boot-1-0-0"


def test_the_committed_avro_schema_is_fresh() -> None:
    assert schemas.FILE.read_text() == schemas.text()


def test_the_registry_header_is_there_when_it_is_asked_for() -> None:
    framed = config.Kafka(format="avro", schema_id=258)
    batch = records(3)
    with_id, without = encode.samples(batch, framed), encode.samples(batch, AVRO)
    assert with_id.values[0] == b"\0\0\0\1\2" + without.values[0]
    assert avro.decode(with_id.values[0], framed=True)["engine"] == "0"


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("request_id", None),
        ("route", [b"search", b"chat", "\u2028 </script>".encode()]),
        ("tenant", [b'"0"\n\\\xc3\xa9', b'"1"\n\\\xc3\xa9', b'"2"\n\\\xc3\xa9']),
        ("absent", [None, None, None]),
    ],
)
def test_the_key_is_a_setting(key: str, expected: list[bytes | None] | None) -> None:
    batch = records(3)
    keys = encode.samples(batch, config.Kafka(key=key)).keys[:3]
    ids = [name.encode() for name in batch.column("request_id").to_pylist()[:3]]
    assert keys == (expected or ids)


def test_headers_tell_version_type_and_trace() -> None:
    found = [dict(headers) for headers in encode.samples(records(3), KAFKA).headers()[:2]]
    version = str(schema.SCHEMA_VERSION).encode()
    common = {"schema-version": version, "content-type": b"application/json"}
    trace = b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"
    assert found == [common, {**common, "traceparent": trace}]


def test_whole_batches_are_single_arrow_batches_below_the_limit() -> None:
    batch = signals.compute(Tap().batch(100))
    parts = list(encode.whole(batch, limit=200_000))
    assert len(parts) > 4
    assert max(part.size for part in parts) <= 200_000
    decoded = [wire.decode_batch(part.values[0]) for part in parts]
    assert [len(one) for one in decoded] == [part.samples for part in parts]
    for one in decoded:
        schema.check(one, schema.RECORD)
    together = pa.concat_batches(decoded)
    expected = archive.rounded(batch)
    for name in schema.RECORD.names:
        if not name.startswith("layer_"):
            assert together.column(name).equals(expected.column(name)), name
    assert parts[0].keys == [None]


def test_messages_survive_packing_and_junk_is_refused() -> None:
    messages = encode.samples(records(3), KAFKA)
    assert unpack(pack(messages)) == messages
    with pytest.raises(Unreadable, match="not a batch of messages"):
        unpack(b"junk")


@given(st.lists(st.none() | st.binary(max_size=40), max_size=20), st.integers(1, 50))
def test_keys_go_to_the_partitions_of_kafkas_own_clients(
    keys: list[bytes | None], count: int
) -> None:
    chosen = Partitions().choose(keys, count)
    for key, partition in zip(keys, chosen, strict=True):
        assert 0 <= partition < count
        if key is not None:
            assert partition == (reference_murmur2(key) & 0x7FFFFFFF) % count


def test_the_hash_is_kafkas() -> None:
    found = murmur2(np.frombuffer(b"21", np.uint8).reshape(1, 2))
    assert found.view(np.int32).tolist() == [-973932308]


def test_records_without_a_key_take_turns() -> None:
    partitions = Partitions()
    turns = [set(partitions.choose([None, None], 3)) for _ in range(3)]
    assert turns == [{1}, {2}, {0}]


def test_an_empty_batch_makes_no_messages() -> None:
    assert encode.samples(records(3).slice(0, 0), KAFKA) == Messages(
        "application/json", schema.SCHEMA_VERSION, [], [], []
    )
