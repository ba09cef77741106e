"""The intake over real sockets: what comes through, what is counted, what is announced."""

import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zmq

from sidecar import config, schema, signals, wire
from sidecar.daemon.intake import Intake
from sidecar.daemon.own import OwnMetrics
from sidecar.daemon.sampling import SamplingControl
from sidecar.daemon.sinks.base import Sink
from sidecar.daemon.sinks.runner import SinkRunner
from sidecar.daemon.sockets import AddressError, Sockets
from sidecar.daemon.taps import Taps
from tests.daemon.synthetic import Tap, batch_of
from tests.waiting import eventually


class Keep(Sink):
    name = "keep"

    def __init__(self) -> None:
        self.batches: list[pa.RecordBatch] = []

    def write(self, batch: pa.RecordBatch) -> None:
        self.batches.append(batch)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row for batch in self.batches for row in batch.to_pylist()]


class Running:
    """An intake with one sink, and a peer's sockets."""

    def __init__(self, settings: config.Wire, calibrations: signals.Calibrations = ()) -> None:
        self.settings, self.metrics, self.taps, self.sink = settings, OwnMetrics(), Taps(), Keep()
        self.sampling = SamplingControl(config.Sampling())
        self._runner = SinkRunner(self.sink, self.metrics, max_batches=100)
        self._runner.start()
        self.intake = Intake(
            settings,
            sinks=[self._runner],
            sampling=self.sampling,
            taps=self.taps,
            metrics=self.metrics,
            calibrations=calibrations,
        )
        self.intake.start()
        self._context = zmq.Context()
        self._listeners: list[zmq.Socket[bytes]] = []
        self._push = self._context.socket(zmq.PUSH)
        self._push.connect(settings.samples)

    def send(self, *parts: bytes) -> None:
        self._push.send_multipart(parts)

    def subscribe(self) -> "zmq.Socket[bytes]":
        socket = self._context.socket(zmq.SUB)
        socket.subscribe(wire.SAMPLING)
        socket.connect(self.settings.control)
        self._listeners.append(socket)
        return socket

    def count(self, name: str, **labels: str) -> float:
        full = f"attention_sidecar_{name}_total"
        return self.metrics.registry.get_sample_value(full, labels) or 0.0

    def close(self) -> None:
        deadline = time.monotonic() + 5
        self._context.destroy(linger=0)
        self.intake.stop(deadline)
        self._runner.finish(deadline)
        self._runner.join(deadline)


@pytest.fixture
def running() -> Iterator[Running]:
    started = Running(config.load().wire)
    yield started
    started.close()


def replaced(batch: pa.RecordBatch, name: str, column: pa.Array) -> pa.RecordBatch:
    return batch.set_column(batch.schema.get_field_index(name), name, column)


def payload(batch: pa.RecordBatch) -> bytes:
    return wire.encode_batch(batch)


def test_samples_come_through_once_with_signals(running: Running) -> None:
    tap = Tap(layers=[0, 1], heads=2)
    message = tap.message(3)
    running.send(*message)
    running.send(*tap.message(2))
    running.send(*message)
    eventually(lambda: running.count("samples_received") == 8)
    eventually(lambda: len(running.sink.rows) >= 5)
    assert [row["sequence"] for row in running.sink.rows] == [0, 1, 2, 3, 4]
    assert all(row["context_share"] > 0 for row in running.sink.rows)
    assert running.sink.batches[0].schema.equals(schema.RECORD, check_metadata=True)
    assert running.count("duplicate_samples", engine="0") == 3


def without_version() -> bytes:
    return payload(Tap().batch(1).replace_schema_metadata({}))


def wrong_type() -> bytes:
    batch = Tap().batch(1)
    return payload(replaced(batch, "step", pa.array([1], pa.int64())))


def missing_field() -> bytes:
    return payload(Tap().batch(1).drop_columns(["mass"]))


def broken_text() -> bytes:
    column = pa.array([b"\xff\xfe"]).view(pa.string())
    return payload(replaced(Tap().batch(1), "request_id", column))


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([wire.SAMPLES], "parts"),
        ([wire.SAMPLES, b"", b""], "parts"),
        ([wire.SAMPLES, b""], "arrow"),
        ([wire.SAMPLES, os.urandom(5000)], "arrow"),
        ([wire.SAMPLES, payload(Tap().batch(2))[:-700]], "arrow"),
        ([wire.SAMPLES, broken_text()], "arrow"),
        ([wire.SAMPLES, without_version()], "version"),
        ([wire.SAMPLES, wrong_type()], "schema"),
        ([wire.SAMPLES, missing_field()], "schema"),
        ([wire.STATUS, b"{"], "status"),
        ([wire.STATUS, b'{"engine": "0"}'], "status"),
        ([wire.STATUS, b"x" * 70_000], "status_size"),
    ],
)
def test_what_cannot_be_read_is_counted_by_reason(
    running: Running, parts: list[bytes], reason: str
) -> None:
    running.send(*parts)
    running.send(*Tap(layers=[0], heads=1).message(1))
    eventually(lambda: running.sink.rows)
    assert running.count("malformed_messages", reason=reason) == 1
    assert running.count("malformed_messages") == 0


def test_an_unknown_tag_is_counted_and_harmless(running: Running) -> None:
    running.send(b"novelty", b"whatever")
    eventually(lambda: running.count("unknown_messages") == 1)


def test_a_bad_row_is_left_out_alone(running: Running) -> None:
    tap = Tap(layers=[0], heads=2)
    rows = [tap.sample() for _ in range(5)]
    rows[1]["mass"] = rows[1]["mass"] * 3
    rows[3]["entropy"] = rows[3]["entropy"][:1]
    running.send(wire.SAMPLES, payload(batch_of(rows)))
    eventually(lambda: len(running.sink.rows) == 3)
    assert [row["sequence"] for row in running.sink.rows] == [0, 2, 4]
    assert running.count("malformed_samples", reason="mass") == 1
    assert running.count("malformed_samples", reason="shape") == 1
    assert running.count("missing_samples", engine="0") == 0


def test_a_flood_of_bad_messages_is_survived_and_logged_once(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    tap = Tap(layers=[0], heads=1)
    for number in range(3000):
        running.send(wire.SAMPLES, os.urandom(200))
        if number % 300 == 0:
            running.send(*tap.message(1))
    eventually(lambda: running.count("malformed_messages", reason="arrow") == 3000)
    eventually(lambda: len(running.sink.rows) == 10)
    assert len([r for r in caplog.records if "(arrow)" in r.getMessage()]) == 1


def test_a_frame_that_is_too_large_is_refused_and_the_next_comes_through(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.send(wire.SAMPLES, bytes((64 << 20) + 1))
    eventually(lambda: _reaches(running))
    assert running.count("malformed_messages") == 0


def _reaches(running: Running) -> bool:
    running.send(*Tap(layers=[0], heads=1).message(1))
    time.sleep(0.2)
    return bool(running.sink.rows)


def test_an_unforeseen_error_costs_one_batch_and_is_counted(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    tap = Tap(layers=[0], heads=1)
    with monkeypatch.context() as patch:
        patch.setattr(signals, "compute", lambda *_: 1 / 0)
        running.send(*tap.message(2))
        eventually(lambda: running.count("internal_errors", type="ArithmeticError") == 2)
    running.send(*tap.message(1))
    eventually(lambda: len(running.sink.rows) == 1)


def test_samples_that_no_calibration_fits_are_counted_and_come_through() -> None:
    calibration = signals.CalibratedHeads("demo", None, 2, ((0, 1),))
    running = Running(config.load().wire, [calibration])
    shapes = [((0, 3), 2, "demo"), ((3,), 2, "demo"), ((0,), 4, "demo"), ((0,), 2, "else")]
    try:
        for number, (layers, heads, model) in enumerate(shapes):
            tap = Tap(layers=layers, heads=heads, model=model, boot=str(number), engine=str(number))
            running.send(*tap.message(2))
        eventually(lambda: len(running.sink.rows) == 8)
    finally:
        running.close()
    measured = {row["engine"] for row in running.sink.rows if row["grounding_score"] is not None}
    assert measured == {"0"}
    counted = {
        reason: running.count("uncalibrated_samples", reason=reason)
        for reason in ("layers", "heads", "model", "revision")
    }
    assert counted == {"layers": 2, "heads": 2, "model": 2, "revision": 0}


def test_samples_that_a_sink_cannot_be_offered_are_counted_and_the_others_get_them(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    tap, broken = Tap(layers=[0], heads=1), SinkRunner(Keep(), running.metrics, max_batches=1)
    monkeypatch.setattr(broken, "offer", lambda batch: 1 / 0)
    monkeypatch.setattr(running.intake, "_sinks", [broken, *running.intake._sinks])
    message = tap.message(3)
    running.send(*message)
    eventually(lambda: len(running.sink.rows) == 3)
    running.send(*message)
    running.send(*tap.message(1))
    eventually(lambda: len(running.sink.rows) == 4)
    assert running.count("internal_errors", type="ArithmeticError") == 4


def test_an_error_that_costs_no_sample_counts_none_and_loses_none(
    running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(running.taps, "update", lambda status: 1 / 0)
    tap = Tap(layers=[0], heads=1)
    running.send(*tap.message(2))
    running.send(*tap.status())
    running.send(*tap.message(2))
    eventually(lambda: len(running.sink.rows) == 4)
    assert "(ZeroDivisionError)" in caplog.text
    assert running.count("internal_errors", type="ArithmeticError") == 0


def test_a_tap_is_known_by_its_last_report(running: Running) -> None:
    tap = Tap()
    running.send(*tap.status(state="starting"))
    running.send(*tap.status(state="blind", reason="no hook"))
    eventually(lambda: [t["state"] for t in running.taps.summary()] == ["blind"])


def test_a_change_of_sampling_is_heard_within_two_seconds(running: Running) -> None:
    listener = running.subscribe()
    assert listener.poll(2500), "nothing announced to a late joiner"
    listener.recv_multipart()
    changed = time.monotonic()
    running.sampling.change({"rate": 0.77})
    while json.loads(listener.recv_multipart()[1])["rate"] != 0.77:
        assert time.monotonic() - changed < 2
    assert time.monotonic() - changed < 2


def test_settings_are_announced_every_second(running: Running) -> None:
    listener = running.subscribe()
    listener.recv_multipart()
    start = time.monotonic()
    for _ in range(2):
        listener.recv_multipart()
    assert 1.5 < time.monotonic() - start < 4


def test_the_sockets_are_in_a_folder_of_this_user(running: Running) -> None:
    folder = Path(running.settings.samples.removeprefix("ipc://")).parent
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_second_daemon_does_not_take_the_socket(running: Running) -> None:
    with pytest.raises(AddressError, match=r"wire\.samples: another daemon"):
        Sockets(running.settings)
    running.send(*Tap(layers=[0], heads=1).message(1))
    eventually(lambda: running.sink.rows)


def test_a_stale_socket_file_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "samples").touch()
    settings = config.Wire(samples=f"ipc://{tmp_path}/samples", control=f"ipc://{tmp_path}/control")
    with Sockets(settings):
        pass
    with Sockets(settings):
        pass


def test_a_socket_open_to_other_machines_must_be_wanted(free_port: int, tmp_path: Path) -> None:
    addresses = {"samples": f"tcp://0.0.0.0:{free_port}", "control": f"ipc://{tmp_path}/control"}
    with pytest.raises(AddressError, match=r"wire\.samples: .*other machines"):
        Sockets(config.Wire(**addresses))
    with Sockets(config.Wire(**addresses, remote=True)):
        pass
    with Sockets(config.Wire(**addresses | {"samples": f"tcp://127.0.0.1:{free_port}"})):
        pass
