"""What compaction has exchanged, for those who keep copies of an archive's files elsewhere.

A copy of a file that has given place to another has to go as well, or its rows are there twice.
"""

import time
from pathlib import Path

from sidecar.archive import layout

KEPT_DAYS = 30
"""After so many days a note is removed."""

_FOLDER = ".exchanged"
_DAY = 86400


def prepare(root: Path) -> None:
    """Make room for notes. Raises OSError."""
    _folder(root).mkdir(exist_ok=True)


def keep(root: Path, note: Path) -> None:
    """Move the note of an exchange that is done to where others look for it. Raises OSError."""
    prepare(root)
    note.rename(_folder(root) / layout.unique_name(note.stem))


def forget_old(root: Path) -> None:
    """Remove the notes of long ago. Raises OSError."""
    long_ago = time.time() - KEPT_DAYS * _DAY
    for note in _folder(root).glob("*"):
        if note.stat().st_mtime < long_ago:
            note.unlink()


def _folder(root: Path) -> Path:
    return root / layout.JOURNALS / _FOLDER
