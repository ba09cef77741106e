"""Compactions killed or without room, beside writers and readers, lose and double nothing."""

import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from sidecar.archive import swap
from tests.archive.many_files import (
    EIGHT,
    PAST,
    compact,
    found,
    found_by_others,
    found_by_sql,
    leftovers,
    parquet,
    write,
)
from tests.archive.samples import HOUR, ids

ROOT = Path(__file__).parents[2]
KILLS = 20


class Child:
    """A process of `compaction_child` or `rolling_child`: it forks for each line."""

    def __init__(self, module: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"tests.archive.{module}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def start(self, line: str) -> int:
        """The process id of what a line started."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        word, pid = self.line()
        assert word == "pid"
        return int(pid)

    def line(self) -> list[str]:
        assert self._process.stdout is not None
        return self._process.stdout.readline().split()

    def run(self, how: str, step: int, folder: Path) -> tuple[int, int]:
        """Exit status and steps taken, 0 where that is not known."""
        self.start(f"{how} {step} {folder}")
        word, number = self.line()
        if word == "dead":
            return int(number), 0
        return int(self.line()[1]), int(number)

    def end(self) -> None:
        self._process.communicate()
        assert self._process.returncode == 0


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    running = Child("compaction_child")
    yield running
    running.end()


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """One hour: files, one of them a merged one of before, and rows delivered twice."""
    folder = tmp_path / "prepared"
    for number in range(3):
        write(folder, ids(5, f"{number}"), seed=number)
    compact(folder)
    for number in range(2, 4):
        write(folder, ids(5, f"{number}"), seed=number)
    return folder


EXPECTED = {f"{number}-{row}" for number in range(4) for row in range(5)}


def whole(folder: Path) -> None:
    """Each row is there, by any reader; those delivered twice at most so by the archive's own."""
    for counted in (found(folder), found_by_sql(folder)):
        assert set(counted) == EXPECTED
        assert {name for name, times in counted.items() if times > 1} <= set(ids(5, "2"))
    assert set(found_by_others(folder)) == EXPECTED


def once(folder: Path) -> None:
    """Everything is done, and nothing left behind."""
    assert found_by_others(folder) == found(folder) == found_by_sql(folder) == Counter(EXPECTED)
    assert len(parquet(folder)) == 1
    assert leftovers(folder) == []
    assert not swap.is_at_work(folder)


@pytest.mark.slow
def test_killed_at_any_step_it_loses_and_doubles_nothing(
    child: Child, prepared: Path, tmp_path: Path
) -> None:
    step, ended = 0, -signal.SIGKILL
    seen_twice = 0
    while ended == -signal.SIGKILL:
        step += 1
        folder = tmp_path / str(step)
        shutil.copytree(prepared, folder)
        ended, _ = child.run("kill", step, folder)
        whole(folder)
        seen_twice += found_by_others(folder).total() > found(folder).total()
        compact(folder)
        once(folder)
    assert ended == 0
    assert step > 12, "it must have been killed at many steps"
    assert seen_twice, "among them when old and new files were both there"


@pytest.mark.slow
def test_killed_while_it_finishes_what_a_killed_one_began(
    child: Child, prepared: Path, tmp_path: Path
) -> None:
    began = tmp_path / "began"
    for step in range(1, 100):
        shutil.rmtree(began, ignore_errors=True)
        shutil.copytree(prepared, began)
        assert child.run("kill", step, began)[0] == -signal.SIGKILL
        if list(swap.pending(began)):
            break
    step, ended = 0, -signal.SIGKILL
    while ended == -signal.SIGKILL:
        step += 1
        folder = tmp_path / str(step)
        shutil.copytree(began, folder)
        ended, _ = child.run("kill", step, folder)
        whole(folder)
        compact(folder)
        once(folder)
    assert step > 8


@pytest.mark.slow
def test_without_room_at_any_step_nothing_is_lost_and_the_next_run_does_it(
    child: Child, prepared: Path, tmp_path: Path
) -> None:
    step = steps = as_it_was = 0
    while steps >= step:
        step += 1
        folder = tmp_path / str(step)
        shutil.copytree(prepared, folder)
        before = parquet(folder)
        ended, steps = child.run("full", step, folder)
        whole(folder)
        if ended == 1 and before == parquet(folder):
            assert list(swap.pending(folder)) == []
            as_it_was += 1
        compact(folder)
        once(folder)
    assert step > 12
    assert as_it_was > 6


def test_a_disk_that_takes_no_file_of_that_size_leaves_everything_as_it_was(
    child: Child, prepared: Path
) -> None:
    before = parquet(prepared)
    assert child.run("limit", 3000, prepared)[0] == 1
    assert parquet(prepared) == before
    assert leftovers(prepared) == []
    compact(prepared)
    once(prepared)


def test_an_exchange_whose_new_file_was_removed_is_undone(prepared: Path) -> None:
    names = [file.name for file in parquet(prepared)]
    swap.begin(prepared, swap.Swap(EIGHT, ["never-written.parquet"], names))
    whole(prepared)
    compact(prepared)
    once(prepared)


def test_an_exchange_in_an_hour_that_was_removed_is_forgotten(prepared: Path) -> None:
    names = [file.name for file in parquet(prepared)]
    swap.begin(prepared, swap.Swap(EIGHT, ["merged.parquet"], names))
    (prepared / "_journal" / f"{EIGHT.replace('/', ',')},merged.parquet.merged").touch()
    shutil.rmtree(prepared / "date=2024-02-29")
    assert compact(prepared) == []
    assert leftovers(prepared) == []
    assert not (prepared / EIGHT).exists()


@pytest.mark.slow
def test_beside_writers_and_readers_and_killed_at_random_steps(tmp_path: Path) -> None:
    """A reader sees at any moment each row of the files finished before, and none twice.

    With SQL where a compaction was at work when it was asked; then it is given a list of files.
    """
    writer, compactors = Child("rolling_child"), [Child("compaction_child") for _ in range(2)]
    writing = writer.start(f"{tmp_path} {PAST} {HOUR}")
    stored: queue.Queue[str] = queue.Queue()
    listening = threading.Thread(target=_listen, args=(writer, stored))
    at_work = [
        threading.Thread(target=_compact, args=(one, tmp_path, random.Random(seed)))
        for seed, one in enumerate(compactors)
    ]
    listening.start()
    finished, asked = {stored.get() for _ in range(100)}, 0
    for thread in at_work:
        thread.start()
    while any(thread.is_alive() for thread in at_work):
        finished |= {stored.get_nowait() for _ in range(stored.qsize())}
        counted = found(tmp_path)
        assert finished - set(counted) == set(), "unseen"
        assert set(counted.values()) == {1}, "seen twice"
        known = swap.is_at_work(tmp_path)
        try:
            counted = found_by_sql(tmp_path)
        except duckdb.IOException:  # a file was removed before it was opened
            continue
        assert finished - set(counted) == set(), "unseen"
        assert set(counted.values()) == {1} or not known, "seen twice"
        asked += known
    os.kill(writing, signal.SIGKILL)
    listening.join()
    for one in (writer, *compactors):
        one.end()
    assert asked > 0
    before = len(parquet(tmp_path))
    compact(tmp_path)
    assert len(parquet(tmp_path)) <= before
    assert found_by_others(tmp_path) == found(tmp_path) == found_by_sql(tmp_path)
    assert set(found(tmp_path).values()) == {1}
    assert finished <= set(found(tmp_path))
    assert len(finished) > 100


def _compact(child: Child, folder: Path, rng: random.Random) -> None:
    ended = [child.run("kill", rng.randrange(1, 30), folder)[0] for _ in range(KILLS)]
    assert set(ended) <= {0, 1, -signal.SIGKILL}
    assert -signal.SIGKILL in ended


def _listen(writer: Child, stored: "queue.Queue[str]") -> None:
    while (words := writer.line()) and words[0] != "dead":
        for name in words:
            stored.put(name)
