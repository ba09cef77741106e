"""A writer killed at any moment keeps every row that it acknowledged, once."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sidecar import archive, config
from tests.archive.samples import ids

ROOT = Path(__file__).parents[2]
ROUNDS = 50


class Victim:
    """A process that runs one writer after another."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.archive.crash_child", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def start(self, name: str) -> int:
        """Start a writer; its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        word, pid = self._line()
        assert word == "pid"
        return int(pid)

    def acknowledged(self) -> Counter[str]:
        """Batches taken until the writer died, with their sizes."""
        taken: Counter[str] = Counter()
        while True:
            name, count = self._line()
            if name == "dead":
                assert int(count) == -signal.SIGKILL, "it must have lived until it was killed"
                return taken
            taken[name] = int(count)

    def end(self) -> None:
        self._process.communicate()
        assert self._process.returncode == 0

    def _line(self) -> list[str]:
        assert self._process.stdout is not None
        return self._process.stdout.readline().split()


@pytest.mark.slow
def test_fifty_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    rng = random.Random(1)
    victims = [Victim(tmp_path), Victim(tmp_path)]
    acknowledged: Counter[str] = Counter()
    for number in range(ROUNDS // 2):
        pids = [victim.start(f"{number}{'ab'[n]}") for n, victim in enumerate(victims)]
        for pid in pids:
            time.sleep(rng.choice([0.01, 0.1, 0.5]) * rng.random())
            os.kill(pid, signal.SIGKILL)
        for victim in victims:
            acknowledged += victim.acknowledged()
    for victim in victims:
        victim.end()

    last = archive.Writer(config.Archive(path=tmp_path))
    last.close()
    for file in archive.open(tmp_path).files:
        pq.read_table(file).validate(full=True)
    found = Counter(archive.open(tmp_path).to_arrow(["record_id"])["record_id"].to_pylist())
    expected = {record for name, count in acknowledged.items() for record in ids(count, name)}
    assert len(expected) > 1000, "the writers must have been at work"
    assert expected - found.keys() == set(), "lost"
    assert {record: count for record, count in found.items() if count > 1} == {}, "doubled"
    unacknowledged = {record.rpartition("-")[0] for record in found.keys() - expected}
    assert len(unacknowledged) <= ROUNDS, "at most the batch that was under way"
    assert list((tmp_path / "_journal").glob("[!.]*")) == []
    assert last.counts.recovery_failures == 0
