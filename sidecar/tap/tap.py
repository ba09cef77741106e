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

import numpy as np
from torch import Tensor

from sidecar.config import Sampling, Settings
from sidecar.tap.engines.base import Adapter, Emission, Identity, Incoming, Layer, Unsupported
from sidecar.tap.guard import Guard
from sidecar.tap.layers import UnknownLayer, of_calibration
from sidecar.tap.paged.tapped import PagedTapped
from sidecar.tap.paged.wave import Wave
from sidecar.tap.plan import Planned
from sidecar.tap.records import Sample
from sidecar.tap.sampling import Sampler
from sidecar.tap.spans import Spans
from sidecar.tap.tapped import CpuTapped
from sidecar.tap.tracking import Requests

_BLIND_AFTER = 3
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
        self.tapped: CpuTapped | PagedTapped | None = None
        self._deliver = deliver
        self._keys_to: Callable[[int, Tensor, Tensor], None] | None = None
        self._refused: str | list[int] | None = None
        self._lock, self._collecting = threading.Lock(), threading.Lock()
        self._wanted = settings.sampling
        self._in_step = False
        self._plan: list[Planned] | None = None
        self._seen: set[int] = set()
        self._steps_unseen = self._steps_stale = 0

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
        if not self.tapped or (self.blind and not self._keys_to):
            return  # an engine warms up by steps of its own before the self-test
        self.collect()
        self._in_step, self._plan = False, None
        self._seen.clear()
        self.steps += 1
        try:
            self._begin(scheduler_output)
        except Exception:
            self.dropped["step_lost"] += 1
            raise
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
        if not self.tapped:
            return
        slot = self.tapped.slots.get(layer)
        if isinstance(self.tapped, PagedTapped) and self.tapped.recording():
            if slot is not None:
                self.tapped.put(slot, query)
            return
        if not self._in_step:
            return
        self._seen.add(layer)
        if slot is not None and self._keeps_rows():
            self.guard.run("stash", self.tapped.put, slot, query)
            if self._keys_to:
                self._keys_to(slot, query, key)

    def _keeps_rows(self) -> bool:
        """On a CPU the plan is made when the first layer runs; a GPU keeps every tracked row."""
        if isinstance(self.tapped, PagedTapped):
            return bool(self.requests.active)
        if self._plan is None:
            self._plan_step()
        return bool(self._plan)

    def ran(self) -> None:
        """The layers have run, and no token is sampled yet: here both runners know the batch."""
        if self._in_step and isinstance(self.tapped, PagedTapped):
            self._plan_step()

    def end(self, output: Any) -> None:
        """A step has emitted its tokens."""
        if not self._in_step or not self.tapped:
            return
        self._in_step = False
        plan = self._plan or []
        if isinstance(self.tapped, PagedTapped):
            self._launch(self.tapped, plan, self.adapter.emission(output))
            return
        self._watch_hooks()
        if plan and not self.tapped.stash.complete:
            self.dropped["no_query"] += len(plan)
        else:
            self._summarise(self.tapped, plan, output)

    def collect(self) -> None:
        """Emit what was launched in earlier steps and has arrived; from any thread, never waits."""
        if not isinstance(self.tapped, PagedTapped) or not self._collecting.acquire(blocking=False):
            return
        try:
            while (wave := self.tapped.arrived()) is not None:
                self._land(wave)
        finally:
            self._collecting.release()

    def settle(self) -> None:
        """Wait for what was launched and emit it; never while the engine serves."""
        if isinstance(self.tapped, PagedTapped):
            self.tapped.wait()
            self.collect()

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
        if isinstance(self.tapped, PagedTapped):
            self._refused, self._refusal = wanted.layers, f"the old layers stay: {_RECORDED}"
            return
        try:
            self._choose_layers(wanted.layers)
        except UnknownLayer as error:
            self._refused, self._refusal = wanted.layers, f"the old layers stay: {error}"

    def _choose_layers(self, choice: str | list[int]) -> None:
        tapped = PagedTapped if self.adapter.paged else CpuTapped
        self.tapped = tapped(
            self.adapter,
            self._layers,
            choice,
            self.identity,
            self.settings.engine,
            calibrated=self._calibrated,
        )
        self._chosen = choice

    def _plan_step(self) -> None:
        self._plan = self.guard.run("plan", self._make_plan)
        if self._plan is None:
            self._plan = []
            self.dropped["plan_failed"] += 1

    def _make_plan(self) -> list[Planned]:
        """Rows of this step to summarise; on a GPU also those whose token is to be learned."""
        emitting = [
            Planned(request_id, tracked, row)
            for request_id, tracked in self.requests.active.items()
            if (row := self.adapter.locate(request_id))
        ]
        if isinstance(self.tapped, PagedTapped):
            return emitting
        plan = self._affordable([planned for planned in emitting if planned.taken])
        assert self.tapped
        self.tapped.stash.begin([planned.row.query_row for planned in plan])
        return plan

    def _affordable(self, plan: list[Planned]) -> list[Planned]:
        if plan and self._over_budget():
            self.dropped["over_budget"] += len(plan)
            return []
        return plan

    def _over_budget(self) -> bool:
        """The self-test has no budget: a busy machine would leave the tap blind for good."""
        return self._keys_to is None and self.sampler.over_budget(self.guard.spent)

    def _summarise(self, tapped: CpuTapped, plan: list[Planned], output: Any) -> None:
        for number, planned in enumerate(plan):
            if self._over_budget():
                self.dropped["over_budget"] += len(plan) - number
                return
            self._finish(self.guard.run("summary", self._sample, tapped, number, planned, output))

    def _launch(self, tapped: PagedTapped, emitting: list[Planned], emission: Emission) -> None:
        if not emitting:
            return
        tapped.remember(emission, emitting)
        given = []
        for planned in self._affordable([planned for planned in emitting if planned.taken]):
            spans = self.guard.run("summary", tapped.spans, planned.tracked, planned.row)
            if spans is None:
                self.dropped["no_summary"] += 1
            else:
                given.append((planned, spans))
        if given:
            dropped = self.guard.run("summary", tapped.launch, given, emission)
            self.dropped.update({"no_summary": len(given)} if dropped is None else dropped)

    def _land(self, wave: Wave) -> None:
        try:
            for number, (planned, spans) in enumerate(wave.given):
                self._finish(self.guard.run("summary", self._read, wave, number, planned, spans))
        finally:
            wave.land()

    def _finish(self, sample: Sample | None) -> None:
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

    def _sample(self, tapped: CpuTapped, number: int, planned: Planned, output: Any) -> Sample:
        arrays, shape = tapped.summarise(number, planned.tracked, planned.row, output)
        return Sample(self._identity_columns(planned) | shape, arrays)

    def _read(self, wave: Wave, number: int, planned: Planned, spans: Spans) -> Sample | None:
        """The sample of a launch that has arrived."""
        assert self.tapped
        tracked, row = planned.tracked, planned.row
        arrays = wave.columns(number)
        if not self._fresh(arrays):
            return None
        arrays["copied"] = tracked.tokens.copied(arrays["argmax"], row.positions)
        shape = self.tapped.shape(tracked, row, spans)
        return Sample(self._identity_columns(planned) | {"time": wave.time} | shape, arrays)

    def _fresh(self, arrays: dict[str, np.ndarray]) -> bool:
        """Whether a query was kept in that step: the stash holds NaN where none was."""
        if not np.isnan(arrays["entropy"]).any():
            self._steps_stale = 0
            return True
        self._steps_stale += 1
        if self._steps_stale >= _BLIND_AFTER:
            self.blind = (
                "steps run but queries are not kept: the hooks were removed or not captured"
            )
        return False

    def _identity_columns(self, planned: Planned) -> dict[str, Any]:
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

    def _watch_hooks(self) -> None:
        """Steps in which a tapped layer does not report mean that its hook is gone."""
        assert self.tapped
        silent = sorted(self.tapped.slots.keys() - self._seen)
        if not silent or not self.adapter.batch_size():
            self._steps_unseen = 0
            return
        self._steps_unseen += 1
        if self._steps_unseen == _BLIND_AFTER:
            self.blind = f"steps run but layers {silent} do not report: the hooks were removed"
