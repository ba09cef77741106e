"""The monitor over history: for post-mortems, for choosing budgets, and as a deploy gate."""

from sidecar.drift.replay.history import Course, Replay, replay
from sidecar.drift.replay.told import lines

__all__ = ["Course", "Replay", "lines", "replay"]
