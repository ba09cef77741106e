"""The runbooks of docs/runbooks as a dashboard, so that a link of an alert needs no other site."""

from pathlib import Path

from dashboards import panels as p
from dashboards.layout import Row
from dashboards.shared import Definition

FOLDER = Path(__file__).parents[1] / "docs/runbooks"
UID = "attention-runbooks"


class MissingRunbook(KeyError):
    """An alert has no page in docs/runbooks."""


def pages() -> dict[str, str]:
    """Text of each runbook by the name of its alert, in alphabetical order."""
    return {file.stem: file.read_text() for file in sorted(FOLDER.glob("*.md"))}


def place(name: str) -> int:
    """Number of the panel that holds an alert's runbook. Raises MissingRunbook."""
    names = list(pages())
    if name not in names:
        raise MissingRunbook(f"{name}: no {FOLDER / name}.md")
    return names.index(name) + 1


def definition() -> Definition:
    """A panel for each page."""
    return Definition(
        uid=UID,
        title="Attention: runbooks",
        description="What each alert means, how to find its cause, and what to do.",
        rows=[Row(height=14, panels=(p.text(name, page),)) for name, page in pages().items()],
    )
