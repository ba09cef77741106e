"""A queue on disk that counts what it lost, and disks that take nothing."""

import resource
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sidecar.daemon.sinks.kafka.spill import Spill

MB = 1 << 20


class Queue:
    """A spill and what it lost."""

    def __init__(self, folder: Path, max_bytes: int = 100 * MB) -> None:
        self.lost: Counter[str] = Counter()
        self.spill = Spill(folder, max_bytes, self._lose)

    def _lose(self, samples: int, reason: str) -> None:
        self.lost[reason] += samples

    def put(self, *numbers: int, size: int = 8) -> None:
        for number in numbers:
            self.spill.append(str(number).encode().rjust(size), 10)

    def take(self, count: int = 1000) -> list[int]:
        """Numbers read, not yet acknowledged."""
        found: list[int] = []
        while len(found) < count and (entry := self.spill.next()) is not None:
            found.append(int(entry.frame.payload))
        return found

    def done(self, count: int) -> None:
        for _ in range(count):
            self.spill.acknowledge()


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Files may not grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Not a byte is left on the file system of a folder."""
    other = folder / "other"
    with other.open("wb", buffering=0) as file:
        for size in (65_536, 4096):
            with suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass
    try:
        yield
    finally:
        other.unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing in a folder can be made or deleted; what is open can be written."""
    _mount("--bind", folder, folder)
    try:
        _mount("-o", "remount,bind,ro", folder)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)
