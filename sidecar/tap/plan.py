"""Rows of a step that will be summarised."""

from typing import NamedTuple

from sidecar.tap.engines.base import Row
from sidecar.tap.tracking import Tracked


class Planned(NamedTuple):
    """A row of the running step that will be summarised."""

    request_id: str
    tracked: Tracked
    row: Row

    @property
    def step(self) -> int:
        """Output step of the request: 0 emits its first token."""
        return self.row.positions - self.tracked.prompt_length

    @property
    def taken(self) -> bool:
        """Whether the request's stride takes this step."""
        return self.tracked.decision.takes(self.step)
