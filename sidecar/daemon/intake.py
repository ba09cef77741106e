"""Takes messages in, checks them, and hands records with signals to the sinks."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import zmq
from prometheus_client.metrics_core import Metric
from pydantic import ValidationError

from sidecar import schema, signals, wire
from sidecar.config import Wire
from sidecar.daemon.labels import Cap
from sidecar.daemon.own import ERRORS, OwnMetrics, begin, kind_of
from sidecar.daemon.sampling import SamplingControl
from sidecar.daemon.sequence import Sequences
from sidecar.daemon.sinks.runner import SinkRunner
from sidecar.daemon.sockets import Sockets
from sidecar.daemon.taps import Taps
from sidecar.signals import calibrated, values

log = logging.getLogger(__name__)

MAX_ROWS = 512
"""Samples that are worked on together; more would not be cheaper."""
LINGER_SECONDS = 0.05
"""How long a sample waits for others, since a batch costs about as much as 100 samples."""
MAX_STATUS_BYTES = 1 << 16
ANNOUNCE_SECONDS = 1.0
LOG_SECONDS = 60.0
MAX_ENGINES = 256
MALFORMED = ("parts", "arrow", "version", "schema", "status", "status_size")
"""Why a message cannot be read."""


class Intake:
    """One thread that owns both sockets: the source of samples of a daemon beside an engine."""

    name = "taps"

    def __init__(
        self,
        settings: Wire,
        *,
        sinks: Sequence[SinkRunner],
        sampling: SamplingControl,
        taps: Taps,
        metrics: OwnMetrics,
        calibrations: signals.Calibrations = (),
    ) -> None:
        self._sinks, self.taps = sinks, taps
        self.sampling, self.place = sampling, settings.samples
        self._calibrations = calibrations
        self._metrics = metrics
        self._sequences = Sequences(metrics, Cap(MAX_ENGINES))
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self._waiting_since = 0.0
        self._announced = (-1, 0.0)
        self._logged: dict[str, float] = {}
        self._stop_by: float | None = None
        self._sockets = Sockets(settings)
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._begin_counters()

    @property
    def alive(self) -> bool:
        """The thread is running."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread. The sockets are bound since construction."""
        self._thread.start()

    def stop(self, deadline: float) -> None:
        """Take in what has arrived until ``deadline`` (monotonic), then close the sockets."""
        self._stop_by = deadline
        self._thread.join(max(0.0, deadline - time.monotonic()) + 0.5)
        if self._thread.is_alive():
            log.error("the intake did not stop in time")

    def collect(self) -> Iterable[Metric]:
        """`attention_tap_*`."""
        return self.taps.collect()

    def summary(self) -> dict[str, Any]:
        """Taps, and the sampling settings in force."""
        return {"taps": self.taps.summary(), "sampling": self.sampling.current.model_dump()}

    def _begin_counters(self) -> None:
        begin(self._metrics.bad_messages, MALFORMED)
        begin(self._metrics.bad_samples, values.REASONS)
        begin(self._metrics.internal, ERRORS)
        if self._calibrations:
            begin(self._metrics.uncalibrated, calibrated.REASONS)

    def _run(self) -> None:
        with self._sockets:
            while self._stop_by is None:
                self._guarded(self._turn)
            while time.monotonic() < self._stop_by and self._sockets.ready(0):
                self._guarded(self._receive)
            self._guarded(self._flush)

    def _guarded(self, action: Callable[[], None], rows: int = 0) -> None:
        """An error nobody foresaw costs the ``rows`` that are worked on, never the thread."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - counted and logged by type
            self._metrics.internal.labels(kind_of(error)).inc(rows)
            self._log(type(error).__name__, f"unexpected error: {error!r}")

    def _turn(self) -> None:
        self._announce()
        if self._sockets.ready(LINGER_SECONDS):
            self._receive()
        old = time.monotonic() - self._waiting_since >= LINGER_SECONDS
        if self._waiting and (old or self._waiting_rows >= MAX_ROWS):
            self._flush()

    def _announce(self) -> None:
        """Tell the taps the sampling settings, when they change and every second."""
        revision, now = self.sampling.revision, time.monotonic()
        if revision != self._announced[0] or now - self._announced[1] >= ANNOUNCE_SECONDS:
            payload = self.sampling.current.model_dump_json().encode()
            self._sockets.publish([wire.SAMPLING, payload])
            self._announced = (revision, now)

    def _receive(self) -> None:
        while self._waiting_rows < MAX_ROWS and (parts := self._sockets.receive()) is not None:
            self._message(parts)
        if self._waiting_rows >= MAX_ROWS:
            self._flush()

    def _message(self, parts: Sequence[zmq.Frame]) -> None:
        if len(parts) != 2:
            return self._malformed("parts", f"{len(parts)} parts instead of 2")
        tag, payload = parts[0].bytes, parts[1].buffer
        if tag == wire.SAMPLES:
            self._samples(payload)
        elif tag == wire.STATUS:
            self._status(payload)
        else:
            self._metrics.unknown.inc()
            self._log("unknown", f"unknown tag {tag[:32]!r}")
        return None

    def _samples(self, payload: memoryview) -> None:
        with self._timed("decode"):
            try:
                batch = _plain(wire.decode_batch(payload))
            except wire.Malformed as error:
                return self._malformed("arrow", str(error))
            except schema.SchemaMismatch as error:
                reason = "version" if "version" in str(error) else "schema"
                return self._malformed(reason, str(error))
        self._metrics.batches.inc()
        self._metrics.samples.inc(len(batch))
        if not self._waiting:
            self._waiting_since = time.monotonic()
        self._waiting.append(batch)
        self._waiting_rows += len(batch)
        return None

    def _status(self, payload: memoryview) -> None:
        if len(payload) > MAX_STATUS_BYTES:
            return self._malformed("status_size", f"a status of {len(payload)} bytes")
        try:
            status = wire.TapStatus.model_validate_json(bytes(payload))
        except ValidationError as error:
            return self._malformed("status", str(error))
        self._sequences.meet(status.engine)
        return self.taps.update(status)

    def _flush(self) -> None:
        """Work on what is waiting, together."""
        if not self._waiting:
            return
        waiting, rows = self._waiting, self._waiting_rows
        self._waiting, self._waiting_rows = [], 0
        self._guarded(lambda: self._account(waiting), rows)

    def _account(self, waiting: list[pa.RecordBatch]) -> None:
        with self._timed("join"):
            batch = pa.concat_batches(waiting)
        with self._timed("sequence"):
            batch = signals.only(batch, self._sequences.account(batch))
        self._guarded(lambda: self._deliver(batch), len(batch))

    def _deliver(self, batch: pa.RecordBatch) -> None:
        """Hand records to every sink; one that fails does not keep them from the others."""
        with self._timed("signals"):
            record = self._record(batch)
        if len(record):
            for sink in self._sinks:
                self._guarded(partial(sink.offer, record), len(record))

    def _record(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add signals; rows that contradict themselves are counted and left out."""
        while True:
            try:
                record = signals.compute(batch, self._calibrations)
            except signals.BadRows as error:
                for reason in error.reasons.values():
                    self._metrics.bad_samples.labels(reason).inc()
                self._log(f"sample {next(iter(error.reasons.values()))}", str(error))
                good = np.ones(len(batch), dtype=bool)
                good[list(error.reasons)] = False
                batch = signals.only(batch, good)
            else:
                self._guarded(partial(self._count_uncalibrated, record))
                return record

    def _count_uncalibrated(self, record: pa.RecordBatch) -> None:
        if self._calibrations and len(record):
            for reason, count in signals.mismatches(record, self._calibrations).items():
                self._metrics.uncalibrated.labels(reason).inc(count)

    def _malformed(self, reason: str, message: str) -> None:
        self._metrics.bad_messages.labels(reason).inc()
        self._log(reason, message)

    def _log(self, reason: str, message: str) -> None:
        """Once per reason and minute."""
        now = time.monotonic()
        if now - self._logged.get(reason, -LOG_SECONDS) >= LOG_SECONDS:
            self._logged[reason] = now
            log.warning("left out (%s): %s", reason, message[:500])

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self._metrics.stage_seconds.labels(stage).inc(time.perf_counter() - start)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with `schema.WIRE` itself, however it was declared. Raises SchemaMismatch."""
    if batch.schema.equals(schema.WIRE, check_metadata=True):
        return batch
    schema.check(batch, schema.WIRE)
    columns = [batch.column(name) for name in schema.WIRE.names]
    return pa.RecordBatch.from_arrays(columns, schema=schema.WIRE)
