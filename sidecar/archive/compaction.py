"""Few files for each hour that is over, in place of the many that writers made.

One hour after another: its rows are written anew beside, and then files are exchanged by a `Swap`.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path

import pyarrow as pa

from sidecar.archive import exchanged, layout, swap
from sidecar.archive.candidates import (
    Candidate,
    Mask,
    Unreadable,
    candidate,
    in_order,
    last_of_each,
    worth_merging,
)
from sidecar.archive.merging import MergedFile, chosen_rows, merge
from sidecar.archive.reading import open_archive
from sidecar.archive.steps import Left, Merged, Step


class UnderWay(Exception):
    """Another compaction is at work on the folder."""


class Compaction:
    """Of one archive folder; a file of ``enough`` bytes is not added to.

    Files of half of that are not written again. Raises FileNotFoundError where no writer has been.
    """

    def __init__(self, root: Path, enough: int, *, dry_run: bool = False) -> None:
        self._root = _written_to(open_archive(root).path)
        self._enough = enough
        self._dry_run = dry_run

    def run(self, older_than: float) -> Iterator[Step]:
        """Compact what ended ``older_than`` hours ago, and tell each hour.

        Raises UnderWay, and OSError when the folder cannot be written.
        """
        before = time.time() / 3600 - older_than
        if self._dry_run:
            yield from self._hours(before)
            return
        with _alone(self._root), swap.at_work(self._root):
            yield from self._left_behind()
            yield from self._hours(before)
            exchanged.forget_old(self._root)

    def _left_behind(self) -> Iterator[Step]:
        """Finish what a compaction that was killed had begun."""
        for one in swap.pending(self._root):
            try:
                swap.finish(self._root, one)
            except OSError as error:
                yield Left(one.folder, str(error))
        for file in (self._root / layout.JOURNALS).glob(f"*{layout.MERGED_SUFFIX}"):
            if not swap.note_path(self._root, layout.merged_folder(file)).exists():
                file.unlink(missing_ok=True)

    def _hours(self, before: float) -> Iterator[Step]:
        folders = [file.relative_to(self._root) for file in self._root.glob("date=*/hour=*")]
        for folder in sorted(map(str, folders)):
            try:
                is_over = layout.hour_of(folder) + 1 <= before
            except ValueError as error:
                yield Left(folder, str(error))
                continue
            if is_over:
                yield from self._hour(folder)

    def _hour(self, folder: str) -> Iterator[Step]:
        files = sorted((self._root / folder).glob("[!._]*.parquet"))
        if len(files) < 2:
            return
        if layout.has_journals(self._root, folder):  # looked for after files: a journal is first
            yield Left(folder, "a writer has a journal for it", failed=False)
            return
        if swap.note_path(self._root, folder).exists():
            yield Left(folder, "files were being exchanged", failed=False)
            return
        found = []
        for file in files:
            try:
                found.append(candidate(file))
            except Unreadable as error:
                yield self._unreadable(error)
        yield from self._merged(folder, found)

    def _merged(self, folder: str, files: list[Candidate]) -> Iterator[Step]:
        ordered = in_order(files, self._enough // 2)
        chosen = worth_merging(ordered, self._enough // 2)
        if not chosen:
            return
        try:
            yield self._exchange(folder, chosen, last_of_each(ordered))
        except Unreadable as error:
            yield self._unreadable(error)
            yield from self._merged(folder, [one for one in files if one.path != error.file])
        except (OSError, pa.ArrowException) as error:
            yield Left(folder, str(error))

    def _exchange(self, folder: str, chosen: list[Candidate], kept: dict[Path, Mask]) -> Merged:
        size = sum(one.size for one in chosen)
        rows = sum(int(kept[one.path].sum()) for one in chosen)
        duplicates = sum(one.rows for one in chosen) - rows
        became = max(len({one.kind for one in chosen}), -(-size // self._enough))
        became_size = None
        if not self._dry_run:
            became, became_size = self._write(folder, chosen, kept)
        return Merged(folder, len(chosen), became, rows, duplicates, size, became_size)

    def _write(
        self, folder: str, chosen: list[Candidate], kept: dict[Path, Mask]
    ) -> tuple[int, int]:
        """Number and bytes of the files that are there then, in place of those chosen."""
        with _discarded_on_failure() as files:
            for kind, members in groupby(chosen, key=attrgetter("kind")):
                rows = chain.from_iterable(chosen_rows(one, kept[one.path]) for one in members)
                for file in merge(self._root, folder, kind, rows, self._enough):
                    files.append(file)
            size = sum(file.staged.stat().st_size for file in files)
            come, go = [file.final.name for file in files], [one.path.name for one in chosen]
            exchange = swap.Swap(folder, come, go)
            swap.begin(self._root, exchange)
        if not swap.finish(self._root, exchange):
            raise FileNotFoundError("files were removed meanwhile")
        return len(files), size

    def _unreadable(self, error: Unreadable) -> Left:
        return Left(str(error.file.relative_to(self._root)), str(error))


def _written_to(root: Path) -> Path:
    """The folder: a wrong one must not look like an archive in which there is nothing to do."""
    if (root / layout.JOURNALS).is_dir() or any(root.glob("date=*")):
        return root
    wanted = f"expected 'date=…' or {layout.JOURNALS!r} in it, as writers make them"
    raise FileNotFoundError(f"no archive at {str(root)!r}: {wanted}")


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    lock = root / layout.JOURNALS / swap.LOCK
    lock.parent.mkdir(exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnderWay(f"another compaction is at work on {str(root)!r}") from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _discarded_on_failure() -> Iterator[list[MergedFile]]:
    files: list[MergedFile] = []
    try:
        yield files
    except BaseException:
        for file in files:
            file.discard()
        raise
