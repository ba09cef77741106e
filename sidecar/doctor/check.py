"""One line of the doctor's report."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and what to do about it."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""

    def __str__(self) -> str:
        line = f"{self.verdict:<5} {self.name:<14} {self.found}"
        return f"{line}\n{'':<20} → {self.advice}" if self.advice else line


def ok(name: str, found: str) -> Check:
    """Nothing to do."""
    return Check(name, "ok", found)


def warn(name: str, found: str, advice: str) -> Check:
    """It works, but less well than it could, or cannot be told yet."""
    return Check(name, "warn", found, advice)


def fail(name: str, found: str, advice: str) -> Check:
    """Nothing is measured, or what is measured is lost."""
    return Check(name, "fail", found, advice)
