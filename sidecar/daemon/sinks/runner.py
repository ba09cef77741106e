"""The thread that feeds a sink without letting it hurt the others."""

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future

import pyarrow as pa

from sidecar.daemon.own import OwnMetrics, begin
from sidecar.daemon.sinks.base import Final, Retryable, Sink, Unusable

log = logging.getLogger(__name__)

MAX_BYTES = 32 << 20
MAX_ATTEMPTS = 8
LONGEST_DELAY = 30.0
TICK_SECONDS = 1.0
DROPPED = ("queue_full", "refused", "retries_exhausted", "error", "stopping")
"""Why a sink did not get a sample."""


class SinkRunner:
    """One sink, its bounded queue and its thread. What is lost is counted by reason."""

    def __init__(
        self, sink: Sink, metrics: OwnMetrics, *, max_batches: int, max_bytes: int = MAX_BYTES
    ) -> None:
        self.sink = sink
        self.state = "starting"
        self.error = ""
        self._metrics = metrics
        self._max_batches, self._max_bytes = max_batches, max_bytes
        self._queue: deque[tuple[pa.RecordBatch, int]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._flushes: list[Future[None]] = []
        self._in_hand: pa.RecordBatch | None = None
        self._deadline: float | None = None
        self._write_failed = False
        self._next_tick = 0.0
        self._thread = threading.Thread(target=self._run, name=f"sink-{sink.name}", daemon=True)

    def start(self) -> None:
        """Start the thread, which starts the sink."""
        begin(self._metrics.dropped, DROPPED, self.sink.name)
        begin(self._metrics.written, [self.sink.name])
        begin(self._metrics.retries, [self.sink.name])
        self._gauges()
        self._thread.start()

    def offer(self, batch: pa.RecordBatch) -> None:
        """Queue a batch, or drop and count it when there is no room. Never waits."""
        size = batch.get_total_buffer_size()
        with self._changed:
            full = len(self._queue) >= self._max_batches or self._bytes + size > self._max_bytes
            if self._deadline is None and not (full and self._queue):
                self._queue.append((batch, size))
                self._bytes += size
                self._gauges()
                self._changed.notify()
                return
        self._drop(batch, "queue_full" if self._deadline is None else "stopping")

    def flush(self, seconds: float) -> None:
        """Wait until the sink has written what is queued, and flushed it.

        Raises TimeoutError, or what the sink raised.
        """
        done: Future[None] = Future()
        with self._changed:
            self._flushes.append(done)
            self._changed.notify()
        done.result(seconds)

    def finish(self, deadline: float) -> None:
        """Take no more, and write what is queued until ``deadline`` (monotonic)."""
        with self._changed:
            self._deadline = deadline
            self._changed.notify()

    def join(self, deadline: float) -> None:
        """Wait for the end, then count what is left as lost."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        hangs = self._thread.is_alive()
        if hangs:
            log.error("sink %s did not stop in time", self.sink.name)
        with self._changed:
            left, self._bytes = list(self._queue), 0
            if hangs and self._in_hand is not None:
                left.append((self._in_hand, 0))
            self._queue.clear()
            self._gauges()
        for batch, _ in left:
            self._drop(batch, "stopping")

    def _run(self) -> None:
        if not self._started():
            return
        while (batch := self._take()) is not None:
            self._in_hand = batch
            self._write(batch)
            self._in_hand = None
        try:
            self.sink.stop(self._deadline or time.monotonic())
        except Exception as error:
            self._failed(error)
            log.exception("sink %s failed to stop", self.sink.name)

    def _started(self) -> bool:
        """Start the sink, trying again until told to stop."""
        delay = 0.5
        while self._deadline is None:
            try:
                self.sink.start()
            except Unusable as error:
                if str(error) != self.error:
                    log.error("sink %s does not start, and tries again: %s", self.sink.name, error)
                self._failed(error)
            except Exception as error:
                self._failed(error)
                log.exception("sink %s does not start; next try in %g s", self.sink.name, delay)
            else:
                self._works()
                return True
            self._wait(delay)
            delay = min(2 * delay, LONGEST_DELAY)
        return False

    def _take(self) -> pa.RecordBatch | None:
        """The next batch; None when stopping and either nothing is left or time is up."""
        while True:
            self._tick()
            self._flush()
            with self._changed:
                if self._deadline is not None and time.monotonic() >= self._deadline:
                    return None
                if self._queue:
                    batch, size = self._queue.popleft()
                    self._bytes -= size
                    self._gauges()
                    return batch
                if self._deadline is not None:
                    return None
                if not self._flushes:
                    self._changed.wait(TICK_SECONDS)

    def _flush(self) -> None:
        """Do what `flush` waits for, once nothing is queued."""
        with self._changed:
            if self._queue:
                return
            waiting, self._flushes = self._flushes, []
        if not waiting:
            return
        try:
            self.sink.flush()
        except Exception as error:  # noqa: BLE001 - raised where it was asked for
            for done in waiting:
                done.set_exception(error)
        else:
            for done in waiting:
                done.set_result(None)

    def _tick(self) -> None:
        if time.monotonic() < self._next_tick:
            return
        self._next_tick = time.monotonic() + TICK_SECONDS
        try:
            self.sink.tick(time.time())
        except Exception as error:
            self._failed(error)
            log.exception("sink %s failed in its housekeeping", self.sink.name)
        else:
            self._judge()

    def _write(self, batch: pa.RecordBatch) -> None:
        for _ in range(MAX_ATTEMPTS):
            try:
                self.sink.write(batch)
            except Retryable as error:
                self._failed(error)
                self._metrics.retries.labels(self.sink.name).inc()
                if not self._wait(min(error.delay, LONGEST_DELAY)):
                    return self._drop(batch, "stopping")
            except Final as error:
                self._failed(error)
                return self._drop(batch, "refused")
            except Exception as error:
                self._failed(error)
                log.exception("sink %s failed", self.sink.name)
                return self._drop(batch, "error")
            else:
                self._metrics.written.labels(self.sink.name).inc(len(batch))
                return self._works()
        return self._drop(batch, "retries_exhausted")

    def _wait(self, delay: float) -> bool:
        """Wait before a retry; False when the time to stop has come."""
        until = time.monotonic() + delay
        with self._changed:
            while (now := time.monotonic()) < until:
                if self._deadline is not None and until > self._deadline:
                    return False
                self._changed.wait(until - now)
        return True

    def _works(self) -> None:
        self._write_failed = False
        self._judge()

    def _failed(self, error: Exception) -> None:
        self._write_failed = True
        name = "" if isinstance(error, Unusable) else f"{type(error).__name__}: "
        self._show("failing", f"{name}{error}")

    def _judge(self) -> None:
        """Running, unless the last write failed or the sink knows better."""
        if not self._write_failed:
            fault = self.sink.fault()
            self._show("failing" if fault else "running", fault)

    def _show(self, state: str, error: str) -> None:
        self.state, self.error = state, error
        self._metrics.sink_up.labels(self.sink.name).set(state == "running")

    def _drop(self, batch: pa.RecordBatch, reason: str) -> None:
        self._metrics.dropped.labels(self.sink.name, reason).inc(len(batch))

    def _gauges(self) -> None:
        self._metrics.queue_batches.labels(self.sink.name).set(len(self._queue))
        self._metrics.queue_bytes.labels(self.sink.name).set(self._bytes)
