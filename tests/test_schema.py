"""The schemas: consistent with each other, documented, and strict about what they are given."""

import pyarrow as pa
import pytest

from sidecar import schema
from tests.daemon.synthetic import Tap


def test_a_taps_batch_passes() -> None:
    schema.check(Tap().batch(3), schema.WIRE)


def test_what_is_stored_is_what_was_sent_and_the_signals() -> None:
    assert set(schema.WIRE.names) | {f.name for f in schema.SIGNALS} == set(schema.RECORD.names)
    assert set(schema.RECORD.names) - set(schema.SCALAR_RECORD.names) == {
        field.name for field in schema.HEADS
    }
    for name in schema.SCALAR_RECORD.names:
        assert schema.SCALAR_RECORD.field(name).equals(schema.RECORD.field(name))


@pytest.mark.parametrize("field", list(schema.RECORD), ids=lambda field: field.name)
def test_a_column_is_documented_and_named_for_any_reader(field: pa.Field) -> None:
    assert field.metadata[b"doc"].endswith(b".")
    assert field.name.isidentifier()
    assert field.name == field.name.lower()


def test_names_are_unique_and_signals_are_never_required() -> None:
    assert len(set(schema.RECORD.names)) == len(schema.RECORD)
    assert all(schema.RECORD.field(name).nullable for name in schema.SIGNAL_NAMES)
    assert set(schema.LAYER_SIGNAL_NAMES) <= set(schema.SIGNAL_NAMES)


def changed(field: pa.Field) -> pa.Schema:
    position = schema.WIRE.get_field_index(field.name)
    return schema.WIRE.set(position, field)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (schema.WIRE.remove(3), "'rank' is missing"),
        (changed(pa.field("rank", pa.int32())), "'rank' is int32, expected int16"),
        (schema.WIRE.append(pa.field("prompt", pa.string())), r"unexpected fields \['prompt'\]"),
        (schema.WIRE.with_metadata({schema.VERSION_KEY: b"2"}), "version is b'2', expected 1"),
        (schema.WIRE.remove_metadata(), "version is None, expected 1"),
    ],
)
def test_a_batch_that_differs_is_refused_by_name(found: pa.Schema, told: str) -> None:
    batch = pa.RecordBatch.from_pylist([], schema=found)
    with pytest.raises(schema.SchemaMismatch, match=told):
        schema.check(batch, schema.WIRE)
