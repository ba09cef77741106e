"""The tap: follows the engine's steps, keeps query rows, and turns them into samples.

The engine's thread calls `begin`, `attention` (once per layer, but never where a full CUDA graph is
replayed), `ran` and `end` around every step. They may raise, so the hooks call them through the
guard; none waits.
"""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from sidecar.config import Sampling, Settings
from sidecar.tap.course import Course
from sidecar.tap.cpu_course import CpuCourse
from sidecar.tap.engines.base import Adapter, Identity, Incoming, Layer, Unsupported
from sidecar.tap.guard import Guard
from sidecar.tap.layers import UnknownLayer, of_calibration
from sidecar.tap.paged.course import PagedCourse
from sidecar.tap.plan import Planned
from sidecar.tap.records import Sample
from sidecar.tap.sampling import Sampler
from sidecar.tap.tapped import Tapped
from sidecar.tap.tracking import Requests

_RECORDED = "layers are recorded in CUDA graphs at start-up: restart the engine to change them"


class Tap:
    """One per worker process. ``deliver`` takes finished samples and must not block."""

    def __init__(
        self, identity: Identity, settings: Settings, deliver: Callable[[Sample], Any]
    ) -> None:
        self.identity = identity
        self.settings = settings
        self.guard = Guard(settings.engine.errors_before_off)
        self.sampler = Sampler(settings.sampling)
        self.requests = Requests(settings.engine)
        self.dropped: Counter[str] = Counter()
        self.boot = uuid.uuid4().hex[:12]
        self.steps = 0
        self.samples = 0
        self.tested = False
        self.blind = "starting"
        self._uncalibrated = self._refusal = ""
        self.course: Course[Any] | None = None
        self._deliver = deliver
        self._keys_to: Callable[[int, Tensor, Tensor], None] | None = None
        self._refused: str | list[int] | None = None
        self._lock, self._collecting = threading.Lock(), threading.Lock()
        self._wanted = settings.sampling
        self._in_step = False

    def arm(self, adapter: Adapter) -> list[Layer]:
        """Learn layers and cache, once the cache is allocated. Returns the layers to hook.

        Raises Unsupported where the engine cannot be read.
        """
        self.adapter = adapter
        self._layers = adapter.layers()
        if not self._layers:
            raise Unsupported("the model has no decoder attention layers")
        self.requests.prepare(adapter)
        self._calibrated, self._uncalibrated = of_calibration(
            self.settings.heads,
            self.identity.model_name,
            self.identity.model_revision,
            {layer.index: layer.heads for layer in self._layers},
        )
        with self._lock:
            self.sampler.settings = self._wanted
        self._choose_layers(self.sampler.settings.layers)
        return self._layers

    def apply(self, sampling: Sampling) -> None:
        """Take new sampling settings, from any thread; they hold from the next step on."""
        with self._lock:
            self._wanted = sampling

    @property
    def tapped(self) -> Tapped | None:
        """The layers that are summarised; None before the cache is allocated."""
        return self.course.tapped if self.course else None

    @property
    def sampling(self) -> Sampling:
        """The settings that hold from the next step on; layers that were refused do not."""
        if self._wanted.layers != self._refused:
            return self._wanted
        return self._wanted.model_copy(update={"layers": self._chosen})

    @property
    def complaint(self) -> str:
        """What is not as it was asked for, though the tap works; empty when all is."""
        if self._wanted.layers == self._refused:
            return self._refusal
        uncalibrated = self._uncalibrated if self._chosen == "auto" else ""
        left_out = self.tapped.left_out if self.tapped else ""
        return "; ".join(filter(None, [uncalibrated, left_out]))

    def begin(self, scheduler_output: Any) -> None:
        """A step starts."""
        if not self.course or (self.blind and not self._keys_to):
            return  # an engine warms up by steps of its own before the self-test
        self.collect()
        self._in_step = False
        self.steps += 1
        try:
            self._begin(scheduler_output)
        except Exception:
            self.dropped["step_lost"] += 1
            raise
        self.course.begin()
        self._in_step = True

    def _begin(self, scheduler_output: Any) -> None:
        self.guard.run("settings", self._take_settings)
        self.sampler.budget.update(self.sampler.settings.budget_ms_per_s, self.guard.spent)
        announcement = self.adapter.announcement(scheduler_output)
        for request_id in announcement.finished:
            self.requests.forget(request_id)
        for incoming in announcement.incoming:
            self._track(incoming)

    def attention(self, layer: int, query: Tensor, key: Tensor) -> None:
        """A layer is about to attend; ``query`` and ``key`` are ``[tokens, heads, size]``."""
        if not self.course or (slot := self.course.tapped.slots.get(layer)) is None:
            return
        if self.course.recording():
            self.course.tapped.put(slot, query)
        elif self._in_step and self.course.wants(layer):
            self.guard.run("stash", self.course.tapped.put, slot, query)
            if self._keys_to:
                self._keys_to(slot, query, key)

    def ran(self) -> None:
        """The layers have run, and no token is sampled yet: here every runner knows the batch."""
        if self._in_step and self.course:
            self.course.ran()

    def end(self, output: Any) -> None:
        """A step has emitted its tokens."""
        if self._in_step and self.course:
            self._in_step = False
            self.course.end(output)

    def collect(self) -> None:
        """Emit what earlier steps left and has arrived; from any thread, never waits."""
        if self.course and self._collecting.acquire(blocking=False):
            try:
                self.course.collect()
            finally:
                self._collecting.release()

    def settle(self) -> None:
        """Wait for what is under way and emit it; never while the engine serves."""
        if self.course:
            self.course.wait()
            with self._collecting:
                self.course.collect()

    @contextmanager
    def rehearsal(
        self, deliver: Callable[[Sample], Any], keys_to: Callable[[int, Tensor, Tensor], None]
    ) -> Iterator[None]:
        """Divert samples, and show slots, queries and keys, for the self-test.

        What it counted is taken back.
        """
        usual, self._deliver, self._keys_to = self._deliver, deliver, keys_to
        try:
            yield
        finally:
            self._deliver, self._keys_to = usual, None
            self.samples = self.steps = 0
            self.requests.reset_counts()
            self.dropped.clear()
            self.guard.seconds.clear()

    def _track(self, incoming: Incoming) -> None:
        decision = self.requests.decide(incoming, self.sampler)
        if decision and not self.guard.run("spans", self.requests.track, incoming, decision):
            self.dropped["spans_failed"] += 1

    def _take_settings(self) -> None:
        with self._lock:
            wanted = self._wanted
        if wanted is self.sampler.settings:
            return
        self.sampler.settings = wanted
        if wanted.layers in (self._chosen, self._refused):
            return
        if self.adapter.paged:
            self._refused, self._refusal = wanted.layers, f"the old layers stay: {_RECORDED}"
            return
        try:
            self._choose_layers(wanted.layers)
        except UnknownLayer as error:
            self._refused, self._refusal = wanted.layers, f"the old layers stay: {error}"

    def _choose_layers(self, choice: str | list[int]) -> None:
        course: type[Course[Any]] = PagedCourse if self.adapter.paged else CpuCourse
        self.course = course(self, self._layers, choice, self._calibrated)
        self._chosen = choice

    def emitting(self) -> list[Planned]:
        """Tracked requests that emit a token in the running step."""
        return [
            Planned(request_id, tracked, row)
            for request_id, tracked in self.requests.active.items()
            if (row := self.adapter.locate(request_id))
        ]

    def over_budget(self) -> bool:
        """The self-test has no budget: a busy machine would leave the tap blind for good."""
        return self._keys_to is None and self.sampler.over_budget(self.guard.spent)

    def finish(self, sample: Sample | None) -> None:
        """Emit a sample, or count that there is none."""
        if sample is None:
            self.dropped["no_summary"] += 1
            return
        self.samples += 1
        self.guard.run("emit", self._emit, sample)

    def _emit(self, sample: Sample) -> None:
        try:
            self._deliver(sample)
        except Exception:
            self.dropped["not_emitted"] += 1
            raise
        self.guard.succeeded()

    def identity_columns(self, planned: Planned) -> dict[str, Any]:
        """Columns that say whose sample it is, and when its step ended."""
        identity = self.identity
        return {
            "record_id": f"{self.boot}/{identity.rank}/{planned.request_id}/{planned.step}",
            "engine": self.settings.engine.label or identity.engine,
            "boot": self.boot,
            "rank": identity.rank,
            "sequence": self.samples,
            "time": time.time_ns() // 1000,
            "request_id": planned.request_id,
            "model_name": identity.model_name,
            "model_revision": identity.model_revision,
            "step": planned.step,
        }
