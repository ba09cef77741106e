"""The send side against real sockets: it never waits, keeps what it can, counts what it drops."""

import time
from typing import Any

import numpy as np
import pytest
import zmq

from sidecar import schema, wire
from sidecar.config import Sampling, Wire
from sidecar.tap.emit import Emitter
from sidecar.tap.records import Sample


def sample(number):
    """A valid sample of one layer, one head and one segment."""
    values: dict[str, Any] = {field.name: None for field in schema.WIRE}
    values |= {
        "record_id": f"r{number}", "engine": "0", "boot": "b", "rank": 0, "sequence": number,
        "time": 1_000_000 * number, "request_id": f"q{number}", "model_name": "m", "tags": [],
        "step": 0, "prompt_length": 8, "context_length": 8, "sampling_rate": 1.0, "stride": 1,
        "forced": False, "documents_declared": 0, "documents_found": 0, "span_method": "none",
        "span_failures": [], "layers": [0], "heads": 1, "segment_role": ["sink"],
        "segment_source": [""], "segment_start": [0], "segment_end": [8],
    }  # fmt: skip
    arrays = {field.name: np.ones(1, np.float32) for field in schema.HEADS}
    arrays |= {"argmax": np.zeros(1, np.int32), "copied": np.ones(1, bool)}
    return Sample(values, arrays)


def status():
    return wire.TapStatus(
        engine="0", boot="b", model_name="m", time=time.time(), version="0", vllm_version="0",
        runner="r", backend="b", device="cpu", state="active", sampling=Sampling(),
        effective_rate=0.1,
    )  # fmt: skip


@pytest.fixture
def addresses(tmp_path):
    return Wire(samples=f"ipc://{tmp_path}/s", control=f"ipc://{tmp_path}/c")


class Listening(Emitter):
    """An emitter that keeps the settings it receives."""

    def __init__(self, addresses):
        self.received: list[Sampling] = []
        super().__init__(addresses, 100, status, self.received.append)


@pytest.fixture
def emitter(addresses):
    made = Listening(addresses)
    made.start()
    yield made
    made.stop(5)


def receive(socket, tag, rows):
    found: list[Any] = []
    deadline = time.monotonic() + 10
    while len(found) < rows and time.monotonic() < deadline:
        if socket.poll(200):
            kind, payload = socket.recv_multipart()
            if kind == tag == wire.SAMPLES:
                found += wire.decode_batch(payload).to_pylist()
            elif kind == tag:
                found.append(wire.TapStatus.model_validate_json(payload))
    return found


@pytest.fixture
def daemon(addresses):
    with zmq.Context() as context:
        samples, control = context.socket(zmq.PULL), context.socket(zmq.PUB)
        samples.linger = control.linger = 0
        samples.bind(addresses.samples)
        control.bind(addresses.control)
        yield samples, control
        samples.close()
        control.close()


def test_samples_and_status_arrive_in_order(emitter, daemon):
    for number in range(80):
        assert emitter.put(sample(number))
    rows = receive(daemon[0], wire.SAMPLES, 80)
    assert [row["sequence"] for row in rows] == list(range(80))
    assert rows[0]["mass"] == [1.0]
    assert receive(daemon[0], wire.STATUS, 1)[0].state == "active"


def test_samples_wait_for_a_daemon_that_comes_late(emitter, addresses, request):
    for number in range(20):
        emitter.put(sample(number))
    time.sleep(0.5)
    assert emitter.depth == 20
    samples, _ = request.getfixturevalue("daemon")
    assert len(receive(samples, wire.SAMPLES, 20)) == 20
    assert emitter.dropped == {}


def test_without_room_the_newest_is_dropped_at_once_and_counted(emitter, request):
    begin = time.perf_counter()
    kept = sum(emitter.put(sample(number)) for number in range(1000))
    assert time.perf_counter() - begin < 1.0
    assert kept == 100
    assert emitter.dropped == {"queue_full": 900}
    samples, _ = request.getfixturevalue("daemon")
    rows = receive(samples, wire.SAMPLES, 100)
    assert [row["sequence"] for row in rows] == list(range(100))


def test_settings_are_received_and_garbage_is_counted(emitter, daemon):
    wanted = Sampling(rate=0.7)
    deadline = time.monotonic() + 10
    while not (emitter.received and emitter.errors) and time.monotonic() < deadline:
        daemon[1].send_multipart([wire.SAMPLING, b"{garbage"])
        daemon[1].send_multipart([wire.SAMPLING, wanted.model_dump_json().encode()])
        time.sleep(0.1)
    assert emitter.received[0] == wanted
    assert emitter.errors["Malformed"] > 0


def test_a_sample_that_cannot_be_encoded_does_not_stop_the_others(emitter, daemon):
    broken = sample(1)
    broken.values["step"] = "first"
    emitter.put(broken)
    time.sleep(0.3)
    emitter.put(sample(2))
    assert receive(daemon[0], wire.SAMPLES, 1)[0]["sequence"] == 2
    assert emitter.dropped == {"not_encodable": 1}


def test_a_wrong_address_is_said_not_raised(caplog):
    made = Emitter(
        Wire(samples="tcp://no-port", control="tcp://no-port"), 5, status, lambda _: None
    )
    made.start()
    made.stop(5)
    assert made.errors["ZMQError"] == 1
    assert "nothing is sent" in caplog.text
