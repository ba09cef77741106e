"""Files of an hour give place to others of the same rows, whatever happens meanwhile.

The new files are written beside, then a note says which come and which go. From the moment it is on
disk the exchange will be finished: by this process, or by the next compaction. Before, nothing has
happened. While files come and go, `visible` leaves out those that hold rows of others. A note has a
line for each file, ``+`` before one that comes and ``-`` before one that goes.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sidecar.archive import exchanged, layout
from sidecar.archive.staging import fsync

LOCK = ".compaction"
"""In the writers' folder: locked by a compaction; its size counts the exchanges ever begun."""

_AT_WORK = ".compacting"
_SUFFIX = ".swap"
_TRIES = 100


@contextmanager
def at_work(root: Path) -> Iterator[None]:
    """Says so from before the first exchange to after the last; a kill leaves it to the next."""
    mark = root / layout.JOURNALS / _AT_WORK
    mark.touch()
    yield
    if not any(pending(root)):
        mark.unlink()


def is_at_work(root: Path) -> bool:
    """Whether files may be exchanged now, or an exchange was left half done."""
    return (root / layout.JOURNALS / _AT_WORK).exists()


@dataclass(frozen=True)
class Swap:
    """Files of one hour's folder by their names; those that come hold all rows of those that go."""

    folder: str
    come: list[str]
    go: list[str]

    def note(self, root: Path) -> Path:
        """Where it is noted."""
        return note_path(root, self.folder)

    @classmethod
    def read(cls, note: Path) -> "Swap":
        """What a note says. Raises OSError."""
        folder, lines = note.stem.replace(",", "/"), note.read_text().splitlines()
        come, go = ([line.rpartition("/")[2] for line in lines if line[0] == sign] for sign in "+-")
        return cls(folder, come, go)

    def __str__(self) -> str:
        come, go = ([f"{self.folder}/{name}\n" for name in names] for names in (self.come, self.go))
        return "".join([*(f"+{path}" for path in come), *(f"-{path}" for path in go)])

    def staged(self, root: Path) -> list[Path]:
        """Files that come, as long as they have not."""
        return [layout.merged_path(root, self.folder, name) for name in self.come]


def note_path(root: Path, folder: str) -> Path:
    """Note of the exchange in an hour's folder; there is one at most."""
    return root / layout.JOURNALS / (folder.replace("/", ",") + _SUFFIX)


def pending(root: Path) -> Iterator[Swap]:
    """What is noted and not finished."""
    for note in sorted((root / layout.JOURNALS).glob(f"*{_SUFFIX}")):
        with suppress(FileNotFoundError):
            yield Swap.read(note)


def begin(root: Path, swap: Swap) -> None:
    """Note it, durably, with the files that come. Raises OSError, and nothing has happened then."""
    note = swap.note(root)
    draft = layout.merged_path(root, swap.folder, "note")
    try:
        exchanged.prepare(root)
        draft.write_text(str(swap))
        fsync(draft)
        draft.rename(note)
        fsync(note.parent)
    except OSError:
        for file in (draft, note):
            file.unlink(missing_ok=True)
        raise


def finish(root: Path, swap: Swap) -> bool:
    """Carry out what is noted; False when it had to be undone, and every file is as it was.

    Raises OSError; what could be neither finished nor undone stays noted.
    """
    folder = root / swap.folder
    pairs = list(zip(swap.staged(root), (folder / name for name in swap.come), strict=True))
    if not (folder.is_dir() and all(file.exists() or final.exists() for file, final in pairs)):
        _undo(root, swap)
        _forget(root, swap)
        return False
    try:
        _count(root)
        for file, final in pairs:
            if file.exists():
                file.rename(final)
    except OSError:
        if _undo(root, swap):
            _forget(root, swap)
        raise
    for name in swap.go:
        (folder / name).unlink(missing_ok=True)
    fsync(folder)
    fsync(root / layout.JOURNALS)
    exchanged.keep(root, swap.note(root))
    return True


def visible(root: Path) -> list[Path]:
    """Finished files, each row in one of them, also where an exchange is under way or was left."""
    for _ in range(_TRIES):
        begun = _begun(root)
        swaps = list(pending(root))
        files = set(root.glob(layout.DATA_GLOB))
        hidden = [_hidden(root, swap, files) for swap in swaps]
        if begun == _begun(root) and None not in hidden:
            return sorted(files.difference(*filter(None, hidden)))
        time.sleep(0.01)
    return sorted(files)


def _hidden(root: Path, swap: Swap, files: set[Path]) -> set[Path] | None:
    """Files that must not be read beside others; None when neither set was found whole."""
    folder = root / swap.folder
    come, go = ({folder / name for name in names} for names in (swap.come, swap.go))
    if come <= files:
        return go
    return come if go <= files else None


def _undo(root: Path, swap: Swap) -> bool:
    """Remove what was to come, unless files have gone already."""
    folder = root / swap.folder
    whole = all((folder / name).exists() for name in swap.go)
    for file in (*swap.staged(root), *(folder / name for name in swap.come)) if whole else ():
        file.unlink(missing_ok=True)
    return whole


def _forget(root: Path, swap: Swap) -> None:
    fsync(root / layout.JOURNALS)
    swap.note(root).unlink()


def _count(root: Path) -> None:
    """Tell readers that have begun to list files; growing a hole takes no room."""
    os.truncate(root / layout.JOURNALS / LOCK, _begun(root) + 1)


def _begun(root: Path) -> int:
    try:
        return (root / layout.JOURNALS / LOCK).stat().st_size
    except FileNotFoundError:
        return 0
