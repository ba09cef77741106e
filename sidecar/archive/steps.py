"""What a compaction did, a line for each hour and one for all."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Merged:
    """What became of an hour; of a dry run what would be merged, without the size it would get."""

    folder: str
    files: int
    became: int
    rows: int
    duplicates: int
    size: int
    became_size: int | None
    failed = False

    def __str__(self) -> str:
        after = "" if self.became_size is None else f" to {_bytes(self.became_size)}"
        return (
            f"{self.folder}: {_counted(self.files, 'file')} to {self.became:,}, "
            f"{_counted(self.rows, 'row')}, {_counted(self.duplicates, 'duplicate')} left out, "
            f"{_bytes(self.size)}{after}"
        )


@dataclass(frozen=True)
class Left:
    """What is as it was, and why."""

    what: str
    why: str
    failed: bool = True

    def __str__(self) -> str:
        return f"{self.what}: left as it is: {self.why}"


Step = Merged | Left


def total(steps: Iterable[Step]) -> str:
    """A line for all hours."""
    merged = [step for step in steps if isinstance(step, Merged)]
    sizes = [step.became_size for step in merged]
    return str(
        Merged(
            _counted(len(merged), "hour"),
            sum(step.files for step in merged),
            sum(step.became for step in merged),
            sum(step.rows for step in merged),
            sum(step.duplicates for step in merged),
            sum(step.size for step in merged),
            None if None in sizes else sum(size or 0 for size in sizes),
        )
    )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _bytes(size: int) -> str:
    return f"{size / 2**20:,.1f} MB" if size >= 2**20 else f"{size / 2**10:,.0f} kB"
