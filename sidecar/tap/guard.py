"""The one place where the tap's exceptions end, and the clock of what the tap costs."""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger("attention_sidecar.tap")


class Guard:
    """Runs stages of the tap so that none can raise into the engine.

    After ``limit`` failures in a row, with no sample made between them, the tap is *tripped* and
    runs nothing more.
    """

    def __init__(self, limit: int) -> None:
        self.errors: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.tripped = ""
        self._limit = limit
        self._in_a_row = 0
        self._nested = 0.0

    def run(self, stage: str, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
        """The result of ``work``, or None when it failed or the tap is tripped.

        Stages may nest; each is charged for its own seconds only.
        """
        if self.tripped:
            return None
        begin, outer, self._nested = time.perf_counter(), self._nested, 0.0
        try:
            return work(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - nothing of ours may reach the engine
            self._failed(stage, error)
            return None
        finally:
            elapsed = time.perf_counter() - begin
            self.seconds[stage] += elapsed - self._nested
            self._nested = outer + elapsed

    def succeeded(self) -> None:
        """A sample was made: failures are no longer in a row."""
        self._in_a_row = 0

    @property
    def spent(self) -> float:
        """Seconds spent in all stages."""
        return sum(self.seconds.values())

    def _failed(self, stage: str, error: Exception) -> None:
        self.errors[type(error).__name__] += 1
        self._in_a_row += 1
        if self._in_a_row == 1:
            logger.warning("attention tap: %s failed", stage, exc_info=error)
        if self._in_a_row >= self._limit:
            self.tripped = (
                f"{self._in_a_row} failures in a row, the last in {stage}: "
                f"{type(error).__name__}; restart the engine after reading its log"
            )
            logger.error("attention tap switched itself off: %s", self.tripped)
