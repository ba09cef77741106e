"""The course of a step on a CPU: rows are chosen before the layers run, reduced when it ends."""

from typing import Any

from sidecar.tap.course import BLIND_AFTER, Course
from sidecar.tap.plan import Planned
from sidecar.tap.records import Sample
from sidecar.tap.tapped import CpuTapped


class CpuCourse(Course[CpuTapped]):
    """The first tapped layer's call plans the step; nothing is under way after it."""

    kind = CpuTapped
    _plan: list[Planned] | None = None
    _seen: set[int]
    _steps_unseen = 0

    def begin(self) -> None:
        """Nothing is planned yet."""
        self._plan = None
        self._seen = set()

    def wants(self, layer: int) -> bool:
        """Whether rows of this step are to be kept; the first layer's call decides which."""
        self._seen.add(layer)
        if self._plan is None:
            self._plan = self._tap.guard.run("plan", self._make_plan)
            if self._plan is None:
                self._plan = []
                self._tap.dropped["plan_failed"] += 1
        return bool(self._plan)

    def end(self, output: Any) -> None:
        """Summarise the kept rows and emit the samples."""
        self._watch_hooks()
        plan = self._plan or []
        if plan and not self.tapped.stash.complete:
            self._tap.dropped["no_query"] += len(plan)
        else:
            self._summarise(plan, output)

    def _make_plan(self) -> list[Planned]:
        plan = [planned for planned in self._tap.emitting() if planned.taken]
        if plan and self._tap.over_budget():
            self._tap.dropped["over_budget"] += len(plan)
            plan = []
        self.tapped.stash.begin([planned.row.query_row for planned in plan])
        return plan

    def _summarise(self, plan: list[Planned], output: Any) -> None:
        tap = self._tap
        for number, planned in enumerate(plan):
            if tap.over_budget():
                tap.dropped["over_budget"] += len(plan) - number
                return
            tap.finish(tap.guard.run("summary", self._sample, number, planned, output))

    def _sample(self, number: int, planned: Planned, output: Any) -> Sample:
        arrays, shape = self.tapped.summarise(number, planned.tracked, planned.row, output)
        return Sample(self._tap.identity_columns(planned) | shape, arrays)

    def _watch_hooks(self) -> None:
        """Steps in which a tapped layer does not report mean that its hook is gone."""
        silent = sorted(self.tapped.slots.keys() - self._seen)
        if not silent or not self._tap.adapter.batch_size():
            self._steps_unseen = 0
            return
        self._steps_unseen += 1
        if self._steps_unseen == BLIND_AFTER:
            self._tap.blind = f"steps run but layers {silent} do not report: the hooks were removed"
