"""What happened, in two sentences made of the run's own figures."""

import math
from dataclasses import dataclass

from sidecar.demo.faults import Change
from sidecar.demo.phases import ACCURACY, SIGNALS, TITLES, Phase

_ERRORS, _LEAST = 3.0, 0.05
"""A figure has moved by three standard errors of the difference and by 5 % of what it was."""


@dataclass(frozen=True)
class Moved:
    """A figure before and after the rollout."""

    figure: str
    before: float | None
    after: float | None
    error: float | None
    """Standard error of the difference; None when there was too little to tell."""

    @property
    def least(self) -> float | None:
        """What it must have changed by to have moved; None when there was too little to tell."""
        if self.before is None or self.error is None:
            return None
        return max(_ERRORS * self.error, _LEAST * abs(self.before))

    @property
    def direction(self) -> str | None:
        """`fell`, `rose` or `stayed`; None when it was not measured on both sides."""
        if self.before is None or self.after is None or self.least is None:
            return None
        by = self.after - self.before
        if abs(by) <= self.least:
            return "stayed"
        return "rose" if by > 0 else "fell"

    def __str__(self) -> str:
        values = f"{self._text(self.before)} to {self._text(self.after)}"
        how = {
            "fell": f"fell from {values}",
            "rose": f"rose from {values}",
            "stayed": f"stayed about the same ({values})",
            None: f"cannot be compared ({values})",
        }
        return f"{TITLES[self.figure]} {how[self.direction]}"

    def _text(self, value: float | None) -> str:
        if value is None:
            return "not measured"
        return f"{value:.0%}" if self.figure == ACCURACY else f"{value:.3f}"


def compare(figure: str, before: Phase, after: Phase) -> Moved:
    """One figure of two phases."""
    errors = (before.error(figure), after.error(figure))
    known = [error for error in errors if error is not None]
    error = math.hypot(*known) if len(known) == len(errors) else None
    return Moved(figure, before.mean(figure), after.mean(figure), error)


def conclude(change: Change, before: Phase, after: Phase) -> str:
    """Two sentences: how the users fared, and what attention did meanwhile."""
    users = compare(ACCURACY, before, after)
    signals = [compare(signal, before, after) for signal in SIGNALS]
    counts = f"{len(before.tally.answers)} requests before and {len(after.tally.answers)} after"
    first = (
        f"With {change.name} rolled out, measured on {counts}{_lengths(before, after)}, {users}."
    )
    attention = ", ".join(map(str, filter(_has_figures, signals)))
    if not attention:
        return f"{first} No signal of attention was measured."
    told = _meaning(users, signals) + _caution(before, after)
    return f"{first} Measured attention: {attention}; {told}."


def _has_figures(moved: Moved) -> bool:
    return moved.before is not None or moved.after is not None


def _lengths(before: Phase, after: Phase) -> str:
    lengths = (before.tally.prompt_tokens(), after.tally.prompt_tokens())
    if None in lengths:
        return ""
    return " with prompts of {:.0f} and {:.0f} tokens".format(*lengths)


def _caution(before: Phase, after: Phase) -> str:
    """Shares move with lengths alone."""
    first, second = before.tally.prompt_tokens(), after.tally.prompt_tokens()
    if not first or not second or abs(second / first - 1) <= _LEAST:
        return ""
    return " (prompts changed in length too, which by itself moves shares)"


def _meaning(users: Moved, signals: list[Moved]) -> str:
    compared = [one for one in signals if one.direction]
    if not compared or users.direction is None:
        return "that is too little to compare"
    moved = any(one.direction != "stayed" for one in compared)
    if users.direction == "fell" and moved:
        return "attention moved with the answers, which is evidence and not an explanation"
    if users.direction == "fell":
        return "the answers got worse and attention did not move, so it did not show this"
    if moved:
        return "attention moved though the answers did not get worse"
    return "neither the answers got worse nor did attention move"
