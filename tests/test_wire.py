"""Messages: read back as sent, and whatever bytes arrive, only `Malformed` is raised."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sidecar import schema, wire
from tests.daemon.synthetic import Tap

PAYLOAD = wire.encode_batch(Tap().batch(4))


def test_a_batch_is_read_back_without_a_copy() -> None:
    batch = wire.decode_batch(PAYLOAD)
    schema.check(batch, schema.WIRE)
    assert wire.encode_batch(batch) == PAYLOAD
    before = pa.total_allocated_bytes()
    again = wire.decode_batch(PAYLOAD)
    assert pa.total_allocated_bytes() - before < len(PAYLOAD) / 10
    assert again.num_rows == 4


def test_an_empty_batch_is_a_batch() -> None:
    empty = pa.RecordBatch.from_pylist([], schema=schema.WIRE)
    assert wire.decode_batch(wire.encode_batch(empty)).num_rows == 0


def test_a_stream_without_a_batch_is_malformed() -> None:
    sink = pa.BufferOutputStream()
    pa.ipc.new_stream(sink, schema.WIRE).close()
    with pytest.raises(wire.Malformed):
        wire.decode_batch(bytes(sink.getvalue()))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(payload: bytes) -> None:
    with pytest.raises(wire.Malformed):
        wire.decode_batch(payload)


@given(st.integers(0, len(PAYLOAD) - 1), st.binary(min_size=1, max_size=16))
def test_a_damaged_batch_is_valid_or_refused(position: int, noise: bytes) -> None:
    damaged = PAYLOAD[:position] + noise + PAYLOAD[position + len(noise) :]
    try:
        batch = wire.decode_batch(damaged)
    except wire.Malformed:
        return
    batch.validate(full=True)


@given(st.integers(0, len(PAYLOAD) - 1))
def test_a_cut_batch_is_refused_unless_only_its_end_mark_is_gone(length: int) -> None:
    try:
        assert wire.decode_batch(PAYLOAD[:length]).num_rows == 4
    except wire.Malformed:
        return
    assert length >= len(PAYLOAD) - 8


def test_a_status_is_read_back_and_may_know_more_than_we_do() -> None:
    payload = Tap().status(reason="a newer tap")[1]
    newer = json.dumps({**json.loads(payload), "invented": 1})
    assert wire.TapStatus.model_validate_json(newer) == wire.TapStatus.model_validate_json(payload)


def test_a_status_with_an_unknown_state_names_the_field() -> None:
    payload = json.dumps({**json.loads(Tap().status()[1]), "state": "fine"})
    with pytest.raises(ValidationError, match="state"):
        wire.TapStatus.model_validate_json(payload)
