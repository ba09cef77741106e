"""Who is sampled: requests by a consistent hash, output steps by a stride, within a time budget."""

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from sidecar.config import Sampling

_RANDOM_SUFFIX = re.compile(r"-[0-9a-f]{8}$")
_RECOVERY = 1.25
_LOWEST_SHARE = 1e-3


def position(request_id: str) -> float:
    """Where a request falls in [0, 1): the same in every worker, engine and retry.

    vLLM appends eight random characters to the id that the client knows; they do not count.

    >>> position("cmpl-7-0a1b2c3d") == position("cmpl-7-ffffffff")
    True
    """
    name = _RANDOM_SUFFIX.sub("", request_id)
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


@dataclass(frozen=True)
class Decision:
    """Why and how a request is sampled."""

    rate: float
    stride: int
    forced: bool

    def takes(self, step: int) -> bool:
        """Whether an output step is sampled; the first, 0, always is."""
        return step % self.stride == 0


class Budget:
    """Lowers the rate while the tap spends more than its budget, and lets it recover.

    Each second's spending is compared with the budget; ``share`` multiplies the configured rate.
    Requests that are already sampled go on until twice the budget is spent within the second.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.share = 1.0
        self._clock = clock
        self._second = clock()
        self._spent_before = 0.0

    def update(self, budget_ms_per_s: float, spent: float) -> None:
        """Look at total seconds ``spent``; adjusts once a second."""
        now = self._clock()
        elapsed = now - self._second
        if elapsed < 1.0:
            return
        used = (spent - self._spent_before) / elapsed * 1000
        self._second, self._spent_before = now, spent
        if not budget_ms_per_s:
            self.share = 1.0
        elif used > budget_ms_per_s:
            self.share = max(_LOWEST_SHARE, self.share * budget_ms_per_s / used)
        else:
            self.share = min(1.0, self.share * _RECOVERY)

    def exhausted(self, budget_ms_per_s: float, spent: float) -> bool:
        """Whether this second has used twice its budget."""
        used_ms = (spent - self._spent_before) * 1000
        return budget_ms_per_s > 0 and used_ms > 2 * budget_ms_per_s


class Sampler:
    """Decides by settings that may be replaced at any time."""

    def __init__(self, settings: Sampling, budget: Budget | None = None) -> None:
        self.settings = settings
        self.budget = budget or Budget()

    @property
    def effective_rate(self) -> float:
        """The configured rate after the budget."""
        return self.settings.rate * self.budget.share

    def over_budget(self, spent: float) -> bool:
        """Whether this second has used twice its budget, of ``spent`` seconds in all."""
        return self.budget.exhausted(self.settings.budget_ms_per_s, spent)

    def decide(self, request_id: str, asked: bool | None) -> Decision | None:
        """How to sample a new request; None when it is left out. ``asked`` is its own wish."""
        rate = self.effective_rate
        if asked is None and position(request_id) >= rate:
            return None
        if asked is False:
            return None
        return Decision(rate, self.settings.stride, forced=bool(asked))
