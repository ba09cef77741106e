"""What each change of the demo does to answers, lengths and attention: its stories, told in turn.

A figure's value is after the rollout, its baseline before it. ``--change NAME`` tells one story and
keeps the figures of the others.
"""

import math
import tempfile
import time
from pathlib import Path

from benchmarks.report import Figure, Report, parser, read
from sidecar.demo import story
from sidecar.demo.conclusion import compare
from sidecar.demo.faults import CHANGES, Change
from sidecar.demo.phases import FIGURES, Phase

SECONDS = 50.0
"""Traffic before and after the rollout, as `attention-sidecar demo` has it."""
GOAL_MINUTES = 6.0


def told(change: Change) -> dict[str, Figure]:
    """Tell a story and give its figures; their names end with that of the change."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        before, after = story.run(Path(folder, "demo-run"), change, seconds=SECONDS, once=True)
        minutes = (time.monotonic() - start) / 60
    figures = compared(before, after) | lengths(before, after)
    figures["minutes"] = Figure(minutes, "min", goal=GOAL_MINUTES)
    return {f"{name}_{change.name}": figure for name, figure in figures.items()}


def compared(before: Phase, after: Phase) -> dict[str, Figure]:
    """Accuracy and signals, and for each the least difference that counts as a move."""
    figures = {}
    for name in FIGURES:
        moved = compare(name, before, after)
        figures[name] = Figure(_known(moved.after), "", baseline=moved.before)
        figures[f"least_change_of_{name}"] = Figure(_known(moved.least), "")
    return figures


def lengths(before: Phase, after: Phase) -> dict[str, Figure]:
    """Mean length of the prompts, and how many were answered."""
    asked, answered = len(before.tally.answers), len(after.tally.answers)
    tokens = Figure(
        _known(after.tally.prompt_tokens()), "tokens", baseline=before.tally.prompt_tokens()
    )
    return {"prompt_tokens": tokens, "requests": Figure(answered, "", baseline=asked)}


def _known(value: float | None) -> float:
    return math.nan if value is None else value


def _measure(changes: list[Change], file: Path | None) -> Report:
    """Tell the stories; what a file knows of others stays, and it is written after each."""
    figures = dict(read(file)[0].figures) if file and file.exists() else {}
    for change in changes:
        figures |= told(change)
        if file:
            Report("demo_changes", figures).write(file)
    return Report("demo_changes", figures)


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--change", action="append", choices=CHANGES, help="several may be given")
    given = options.parse_args()
    chosen = [CHANGES[name] for name in given.change or CHANGES]
    _measure(chosen, given.json).finish(given.json)
