"""The non-blocking send side: a bounded queue, one thread, and sockets that never wait."""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable

import zmq
from pydantic import ValidationError

from sidecar import wire
from sidecar.config import Sampling, Wire
from sidecar.tap.records import Sample, to_batch

logger = logging.getLogger("attention_sidecar.tap")

_BATCH, _BATCH_BYTES, _QUEUE_BYTES = 64, 2**24, 2**26
_PAUSE = 0.2
"""Seconds for samples to gather: a batch of one costs the engine as much as one of ten."""
_STATUS_EVERY = 1.0


class Emitter:
    """Sends samples and status to the daemon, and receives sampling settings from it.

    While no daemon takes samples they wait in the queue; when it holds ``capacity`` samples or
    64 MiB, the newest is dropped and counted. The engine's thread only ever appends to it.
    """

    def __init__(
        self,
        settings: Wire,
        capacity: int,
        status: Callable[[], wire.TapStatus],
        on_sampling: Callable[[Sampling], None],
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self._settings = settings
        self._capacity = capacity
        self._status = status
        self._on_sampling = on_sampling
        self._queue: deque[Sample] = deque()
        self._bytes_in = self._bytes_out = 0
        self._pending: bytes | None = None
        self._pending_count = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="attention-tap", daemon=True)

    def start(self) -> None:
        """Start the thread; the sockets connect in it."""
        self._thread.start()

    def stop(self, deadline: float = 1.0) -> None:
        """Send what can be sent within ``deadline`` seconds and end the thread."""
        self._stop.set()
        self._thread.join(deadline)

    def put(self, sample: Sample) -> bool:
        """Queue a sample; False when the queue is full and the sample is dropped."""
        held = self._bytes_in - self._bytes_out
        if self.depth >= self._capacity or held + sample.nbytes > _QUEUE_BYTES:
            self.dropped["queue_full"] += 1
            return False
        self._bytes_in += sample.nbytes
        self._queue.append(sample)
        return True

    @property
    def depth(self) -> int:
        """Samples waiting."""
        return len(self._queue) + self._pending_count

    def _run(self) -> None:
        context = zmq.Context()
        try:
            samples, control = self._connect(context)
        except zmq.ZMQError as error:
            logger.error("attention tap: nothing is sent, %s: %s", self._settings, error)
            self.errors["ZMQError"] += 1
            context.destroy(linger=0)
            return
        status_due = 0.0
        try:
            while not self._stop.is_set():
                if time.monotonic() >= status_due:
                    self._attempt(self._send_status, samples)
                    status_due = time.monotonic() + _STATUS_EVERY
                self._attempt(self._receive, control)
                if not self._attempt(self._send, samples):
                    control.poll(int(_PAUSE * 1000))
            while self._attempt(self._send, samples):
                pass
            self._attempt(self._send_status, samples)
        finally:
            context.destroy(linger=200)

    def _connect(self, context: "zmq.Context[zmq.Socket[bytes]]") -> tuple[zmq.Socket[bytes], ...]:
        samples = context.socket(zmq.PUSH)
        samples.set_hwm(self._settings.high_water_mark)
        samples.setsockopt(zmq.IMMEDIATE, 1)
        samples.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
        samples.connect(self._settings.samples)
        control = context.socket(zmq.SUB)
        control.setsockopt(zmq.SUBSCRIBE, wire.SAMPLING)
        control.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
        control.connect(self._settings.control)
        return samples, control

    def _attempt(
        self, work: Callable[[zmq.Socket[bytes]], bool], socket: zmq.Socket[bytes]
    ) -> bool:
        """Whether the work was done; a failure is counted and the thread goes on."""
        try:
            return work(socket)
        except zmq.Again:
            return False
        except Exception as error:
            self.errors[type(error).__name__] += 1
            if self.errors[type(error).__name__] == 1:
                logger.warning("attention tap: sending failed", exc_info=error)
            return False

    def _send(self, socket: zmq.Socket[bytes]) -> bool:
        if self._pending is None:
            self._pending = self._next_batch()
        if self._pending is None:
            return False
        socket.send_multipart([wire.SAMPLES, self._pending], zmq.DONTWAIT, copy=False)
        self._pending, self._pending_count = None, 0
        return True

    def _next_batch(self) -> bytes | None:
        taken: list[Sample] = []
        size = 0
        while self._queue and len(taken) < _BATCH and size < _BATCH_BYTES:
            taken.append(self._queue.popleft())
            size += taken[-1].nbytes
        if not taken:
            return None
        self._pending_count = len(taken)
        self._bytes_out += size
        try:
            return wire.encode_batch(to_batch(taken))
        except Exception:
            self.dropped["not_encodable"] += len(taken)
            self._pending_count = 0
            raise

    def _send_status(self, socket: zmq.Socket[bytes]) -> bool:
        payload = self._status().model_dump_json().encode()
        socket.send_multipart([wire.STATUS, payload], zmq.DONTWAIT)
        return True

    def _receive(self, socket: zmq.Socket[bytes]) -> bool:
        _, payload = socket.recv_multipart(zmq.DONTWAIT)
        try:
            self._on_sampling(Sampling.model_validate_json(payload))
        except ValidationError as error:
            raise wire.Malformed(f"sampling settings: {error}") from error
        return True
