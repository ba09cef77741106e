"""The queue on disk: order, restarts and torn files."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.daemon.sinks.kafka import segment, store
from sidecar.daemon.sinks.kafka.spill import Busy
from tests.kafka.queues import MB, Queue

ROOT = Path(__file__).parents[2]


def test_frames_come_in_order_and_only_once(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    queue.put(*range(5))
    assert queue.take(3) == [0, 1, 2]
    queue.put(5)
    assert queue.take() == [3, 4, 5]
    assert queue.take() == []
    assert queue.spill.samples == 60
    queue.done(6)
    assert (queue.spill.samples, queue.lost) == (0, {})


def test_what_is_not_acknowledged_is_read_again(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    queue.put(*range(6))
    queue.take(4)
    queue.done(1)
    queue.spill.rewind()
    assert queue.spill.samples == 50
    assert queue.take() == [1, 2, 3, 4, 5]


def test_a_restart_reads_what_was_not_acknowledged(tmp_path: Path) -> None:
    first = Queue(tmp_path)
    first.put(*range(6))
    first.take(4)
    first.done(2)
    first.spill.close()
    second = Queue(tmp_path)
    assert second.spill.samples == 40
    second.put(6)
    assert second.take() == [2, 3, 4, 5, 6]
    assert (first.lost, second.lost) == ({}, {})


def test_segments_are_deleted_once_they_are_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SEGMENT_BYTES", 1300)
    queue = Queue(tmp_path)
    queue.put(*range(10), size=600)
    assert len(segment.numbers(tmp_path)) == 5
    queue.take()
    queue.done(7)
    assert len(segment.numbers(tmp_path)) == 2
    queue.spill.close()
    assert Queue(tmp_path).take() == [7, 8, 9]


def test_what_the_client_has_is_not_lost_when_its_segment_is_dropped(tmp_path: Path) -> None:
    queue = Queue(tmp_path, max_bytes=1 * MB)
    queue.put(0, 1, 2, size=50_000)
    assert queue.take(2) == [0, 1]
    queue.put(*range(3, 40), size=50_000)
    unread = queue.take()
    assert sum(queue.lost.values()) == 10 * (40 - 2 - len(unread))
    before = queue.lost["spill_full"]
    queue.spill.acknowledge()
    queue.spill.rewind()
    assert queue.lost["spill_full"] == before + 10, "the second could not be read again"
    assert queue.take() == unread


@pytest.mark.parametrize("cut", [1, 9, 20])
def test_a_torn_tail_is_cut_off_and_counted(tmp_path: Path, cut: int) -> None:
    first = Queue(tmp_path)
    first.put(*range(3))
    first.spill.close()
    [file] = [path for path in tmp_path.glob("*.frames") if path.stat().st_size]
    os.truncate(file, file.stat().st_size - cut)
    second = Queue(tmp_path)
    assert second.spill.torn_bytes == 24 - cut
    second.put(7)
    assert second.take() == [0, 1, 7]


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    first = Queue(tmp_path)
    first.put(*range(3))
    first.spill.close()
    [file] = [path for path in tmp_path.glob("*.frames") if path.stat().st_size]
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    second = Queue(tmp_path)
    assert (second.take(), second.spill.torn_bytes) == ([0, 1], 24)


def test_what_becomes_unreadable_is_skipped_and_counted(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    queue.put(*range(4))
    [file] = [path for path in tmp_path.glob("*.frames") if path.stat().st_size]
    with file.open("r+b") as damaged:
        damaged.seek(30)
        damaged.write(b"\xff")
    assert queue.take() == [0]
    assert queue.lost == {"unreadable": 30}


def test_a_folder_has_one_daemon(tmp_path: Path) -> None:
    first = Queue(tmp_path)
    with pytest.raises(Busy, match="another daemon has"):
        Queue(tmp_path)
    first.spill.close()
    Queue(tmp_path)


def test_a_segment_that_outlived_its_deletion_is_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SEGMENT_BYTES", 1000)
    first = Queue(tmp_path)
    first.put(*range(4), size=600)
    oldest = min(tmp_path.glob("*.frames"))
    killed_before = oldest.read_bytes()
    first.take()
    first.done(2)
    first.spill.close()
    oldest.write_bytes(killed_before)
    assert Queue(tmp_path).take() == [2, 3]
    assert not oldest.exists()


def test_the_rest_of_a_damaged_file_is_not_waited_for(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    queue.put(*range(4))
    [file] = tmp_path.glob("*.frames")
    with file.open("r+b") as damaged:
        damaged.seek(30)
        damaged.write(b"\xff")
    assert queue.take() == [0]
    queue.put(4)
    assert queue.take() == [4]
    queue.done(2)
    assert not file.exists()
    assert queue.lost == {"unreadable": 30}


def test_a_start_that_fails_can_be_repeated(tmp_path: Path) -> None:
    hindrance = tmp_path / f"{1:020d}.frames"
    hindrance.mkdir()
    with pytest.raises(IsADirectoryError):
        Queue(tmp_path)
    hindrance.rmdir()
    assert Queue(tmp_path).take() == []


def test_a_queue_that_is_done_leaves_no_frames(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    queue.put(0, 1)
    queue.take()
    queue.done(2)
    queue.spill.close()
    assert segment.numbers(tmp_path) == []


WRITER = """
import os, sys
from pathlib import Path
from sidecar.daemon.sinks.kafka.spill import Spill
spill = Spill(Path(sys.argv[1]), 1 << 30, print)
number = 0
while True:
    spill.append(str(number).encode().rjust(5000), 1)
    os.write(1, f"{number}\\n".encode())
    number += 1
"""


@pytest.mark.slow
def test_a_killed_process_loses_nothing_that_it_took(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as writer:
        assert writer.stdout
        for _ in range(2000):
            last = writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        last = (writer.stdout.read().splitlines() or [last])[-1]
    found = Queue(tmp_path).take(10**9)
    assert found[: int(last) + 1] == list(range(int(last) + 1))
    assert len(found) <= int(last) + 2, "at most one more, which was under way"
