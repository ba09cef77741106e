"""The thread that feeds a sink: what it retries, what it drops, and how it stops."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from sidecar.daemon.own import OwnMetrics
from sidecar.daemon.sinks import runner
from sidecar.daemon.sinks.base import Final, Retryable, Sink, Unusable
from sidecar.daemon.sinks.runner import SinkRunner
from tests.daemon.synthetic import Tap
from tests.waiting import eventually

BATCH = Tap(layers=[0], heads=1).batch(2)


class Recorder(Sink):
    """Takes batches; ``on_write`` may raise or wait."""

    def __init__(self, name: str, on_write: Callable[[int], Any] = lambda attempt: None) -> None:
        self.name = name
        self.written: list[pa.RecordBatch] = []
        self.attempts = self.starts = 0
        self.stopped = False
        self._on_write = on_write

    def start(self) -> None:
        self.starts += 1

    def write(self, batch: pa.RecordBatch) -> None:
        self.attempts += 1
        self._on_write(self.attempts)
        self.written.append(batch)

    def stop(self, deadline: float) -> None:
        self.stopped = True


class Running:
    """A runner over a sink, its counts."""

    def __init__(self, sink: Sink, **bounds: int) -> None:
        self.metrics = OwnMetrics()
        self.runner = SinkRunner(sink, self.metrics, **({"max_batches": 4} | bounds))
        self.runner.start()

    def finish(self, seconds: float = 5.0) -> None:
        deadline = time.monotonic() + seconds
        self.runner.finish(deadline)
        self.runner.join(deadline)

    def count(self, name: str, **labels: str) -> float:
        labels |= {"sink": self.runner.sink.name}
        return self.metrics.registry.get_sample_value(f"attention_sidecar_{name}", labels) or 0.0

    def dropped(self, reason: str) -> float:
        return self.count("dropped_samples_total", reason=reason)


def raising(error: Exception, times: int = 1000) -> Callable[[int], None]:
    def on_write(attempt: int) -> None:
        if attempt <= times:
            raise error

    return on_write


def test_what_is_queued_is_written_before_the_stop() -> None:
    sink = Recorder("a")
    running = Running(sink)
    for _ in range(3):
        running.runner.offer(BATCH)
    running.finish()
    assert len(sink.written) == 3
    assert sink.stopped
    assert running.count("written_samples_total") == 6
    assert running.count("queue_batches") == 0


def test_a_retryable_failure_is_tried_again() -> None:
    sink = Recorder("a", raising(Retryable("busy", delay=0.01), times=3))
    running = Running(sink)
    running.runner.offer(BATCH)
    eventually(lambda: len(sink.written) == 1)
    running.finish()
    assert sink.attempts == 4
    assert running.count("sink_retries_total") == 3
    assert running.count("dropped_samples_total") == 0


@pytest.mark.parametrize(
    ("error", "reason", "attempts"),
    [
        (Retryable("busy", delay=0.001), "retries_exhausted", runner.MAX_ATTEMPTS),
        (Final("too large"), "refused", 1),
        (RuntimeError("bug"), "error", 1),
    ],
)
def test_what_cannot_be_written_is_counted_by_reason(
    error: Exception, reason: str, attempts: int
) -> None:
    sink = Recorder("a", raising(error, times=attempts))
    running = Running(sink)
    running.runner.offer(BATCH)
    eventually(lambda: running.dropped(reason) == len(BATCH))
    assert running.count("sink_up") == 0
    assert str(error) in running.runner.error
    running.runner.offer(BATCH)
    eventually(lambda: len(sink.written) == 1)
    assert running.count("sink_up") == 1
    running.finish()


def test_what_is_stuck_behind_a_sink_shows_until_it_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stuck(Recorder):
        stuck = ""

        def fault(self) -> str:
            return self.stuck

    monkeypatch.setattr(runner, "TICK_SECONDS", 0.01)
    sink = Stuck("a")
    running = Running(sink)
    eventually(lambda: running.runner.state == "running")
    sink.stuck = "nobody answers"
    eventually(lambda: running.runner.state == "failing")
    running.runner.offer(BATCH)
    eventually(lambda: len(sink.written) == 1)
    assert running.runner.error == "nobody answers"
    assert running.count("sink_up") == 0
    sink.stuck = ""
    eventually(lambda: running.runner.state == "running")
    assert (running.runner.error, running.count("sink_up")) == ("", 1)
    running.finish()


def test_a_full_queue_drops_the_newest_and_never_waits() -> None:
    gate = threading.Event()
    sink = Recorder("a", lambda attempt: gate.wait(10))
    running = Running(sink, max_batches=2)
    running.runner.offer(BATCH)
    eventually(lambda: sink.attempts == 1)
    start = time.monotonic()
    for _ in range(5):
        running.runner.offer(BATCH)
    assert time.monotonic() - start < 0.5
    assert running.dropped("queue_full") == 3 * len(BATCH)
    assert running.count("queue_batches") == 2
    gate.set()
    running.finish()
    assert running.count("written_samples_total") == 3 * len(BATCH)


def test_the_queue_is_bounded_in_bytes_too() -> None:
    gate = threading.Event()
    sink = Recorder("a", lambda attempt: gate.wait(10))
    running = Running(sink, max_batches=100, max_bytes=3 * BATCH.get_total_buffer_size())
    running.runner.offer(BATCH)
    eventually(lambda: sink.attempts == 1)
    for _ in range(10):
        running.runner.offer(BATCH)
    assert running.count("queue_batches") == 3
    gate.set()
    running.finish()


def test_a_slow_sink_does_not_slow_the_others() -> None:
    gate = threading.Event()
    slow, fast = Recorder("slow", lambda attempt: gate.wait(30)), Recorder("fast")
    both = [Running(slow, max_batches=2), Running(fast, max_batches=2)]
    start = time.monotonic()
    for _ in range(50):
        for running in both:
            running.runner.offer(BATCH)
        eventually(lambda: both[1].count("queue_batches") == 0)
    assert time.monotonic() - start < 5
    assert both[1].dropped("queue_full") == 0
    assert both[0].dropped("queue_full") >= 47 * len(BATCH)
    gate.set()
    for running in both:
        running.finish()


def test_a_hanging_sink_does_not_keep_the_daemon_and_its_queue_is_counted() -> None:
    gate = threading.Event()
    sink = Recorder("a", lambda attempt: gate.wait(30))
    running = Running(sink)
    for _ in range(3):
        running.runner.offer(BATCH)
    eventually(lambda: sink.attempts == 1)
    start = time.monotonic()
    running.finish(0.3)
    assert time.monotonic() - start < 1
    assert running.dropped("stopping") == 3 * len(BATCH)
    running.runner.offer(BATCH)
    assert running.dropped("stopping") == 4 * len(BATCH)
    gate.set()


def test_a_sink_that_does_not_start_is_tried_again() -> None:
    class Late(Recorder):
        def start(self) -> None:
            super().start()
            if self.starts < 2:
                raise ConnectionError("not there yet")

    sink = Late("late")
    running = Running(sink)
    running.runner.offer(BATCH)
    eventually(lambda: len(sink.written) == 1)
    assert sink.starts == 2
    running.finish()


def test_what_an_operator_must_change_is_logged_once_in_a_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Misplaced(Recorder):
        def start(self) -> None:
            super().start()
            if self.starts < 4:
                raise Unusable("kafka.spill_path: cannot be used")

    sink = Misplaced("misplaced")
    running = Running(sink)
    assert eventually(lambda: running.runner.error) == "kafka.spill_path: cannot be used"
    eventually(lambda: running.runner.state == "running")
    [record] = caplog.records
    assert "kafka.spill_path: cannot be used" in record.getMessage()
    assert record.exc_info is None
    running.finish()


def test_a_sink_that_never_starts_loses_its_queue_by_reason() -> None:
    class Never(Recorder):
        def start(self) -> None:
            raise ConnectionError("no")

    running = Running(Never("never"))
    running.runner.offer(BATCH)
    eventually(lambda: running.runner.state == "failing")
    running.finish(2)
    assert running.dropped("stopping") == len(BATCH)
