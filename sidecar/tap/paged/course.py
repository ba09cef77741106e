"""The course of a step on a GPU: every request's row is kept, the sampled ones launched when it
ends, and read when they have arrived, a step or two later.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sidecar.tap.course import BLIND_AFTER, Course
from sidecar.tap.paged.tapped import Given, PagedTapped
from sidecar.tap.paged.wave import Wave
from sidecar.tap.plan import Planned
from sidecar.tap.records import Sample
from sidecar.tap.spans import Spans


class PagedCourse(Course[PagedTapped]):
    """The layers chosen at start-up: CUDA graphs record them, so they cannot change."""

    kind = PagedTapped
    _emitting: Sequence[Planned] = ()
    _stale = 0

    def begin(self) -> None:
        """Nothing is planned yet."""
        self._emitting = ()

    def recording(self) -> bool:
        """Whether a CUDA graph is being captured: what is kept now is kept at every replay."""
        return self.tapped.recording()

    def wants(self, layer: int) -> bool:  # noqa: ARG002 - all layers are kept or none
        """Whether rows of this step are to be kept: while any request is tracked."""
        return bool(self._tap.requests.active)

    def ran(self) -> None:
        """Look up the rows of the step, as long as the runner has its batch."""
        found = self._tap.guard.run("plan", self._tap.emitting)
        if found is None:
            self._tap.dropped["plan_failed"] += 1
        self._emitting = found or ()

    def end(self, output: Any) -> None:
        """Launch the rows that are sampled."""
        if not self._emitting:
            return
        tap, emission = self._tap, self._tap.adapter.emission(output)
        self.tapped.remember(emission, self._emitting)
        given = self._given([planned for planned in self._emitting if planned.taken])
        if given:
            dropped = tap.guard.run("summary", self.tapped.launch, given, emission)
            tap.dropped.update({"no_summary": len(given)} if dropped is None else dropped)

    def collect(self) -> None:
        """Emit samples of the waves that have arrived."""
        while (wave := self.tapped.arrived()) is not None:
            try:
                for number, (planned, spans) in enumerate(wave.given):
                    self._read(wave, number, planned, spans)
            finally:
                wave.land()

    def wait(self) -> None:
        """Until all that was launched has arrived."""
        self.tapped.wait()

    def _given(self, plan: list[Planned]) -> list[Given]:
        tap = self._tap
        if plan and tap.over_budget():
            tap.dropped["over_budget"] += len(plan)
            return []
        given = []
        for planned in plan:
            spans = tap.guard.run("summary", self.tapped.spans, planned.tracked, planned.row)
            if spans is None:
                tap.dropped["no_summary"] += 1
            else:
                given.append((planned, spans))
        return given

    def _read(self, wave: Wave, number: int, planned: Planned, spans: Spans) -> None:
        tap = self._tap
        arrays = tap.guard.run("summary", wave.columns, number)
        if arrays is None:
            tap.dropped["no_summary"] += 1
        elif self._is_stale(arrays):
            tap.dropped["no_query"] += 1
        else:
            tap.finish(tap.guard.run("summary", self._sample, wave, arrays, planned, spans))

    def _sample(
        self, wave: Wave, arrays: dict[str, np.ndarray], planned: Planned, spans: Spans
    ) -> Sample:
        tracked, row = planned.tracked, planned.row
        arrays["copied"] = tracked.tokens.copied(arrays["argmax"], row.positions)
        columns = self._tap.identity_columns(planned) | {"time": wave.time}
        return Sample(columns | self.tapped.shape(tracked, row, spans), arrays)

    def _is_stale(self, arrays: dict[str, np.ndarray]) -> bool:
        """Whether no query was kept in that step: the stash holds NaN then."""
        if not np.isnan(arrays["entropy"]).any():
            self._stale = 0
            return False
        self._stale += 1
        if self._stale == BLIND_AFTER:
            self._tap.blind = (
                "steps run but queries are not kept: hooks were removed, or are not in the graphs"
            )
        return True
