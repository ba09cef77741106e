"""The queue's room: its bound, memory in place of a disk, and disks that are full or broken."""

import os
from pathlib import Path

import pytest

from sidecar.daemon.sinks.kafka import segment, store
from tests.kafka.queues import MB, Queue, filled, full_disk, read_only


def test_a_full_spill_drops_the_oldest_and_counts_it_exactly(tmp_path: Path) -> None:
    queue = Queue(tmp_path, max_bytes=1 * MB)
    queue.put(*range(100), size=50_000)
    kept = queue.take()
    assert queue.spill.size <= 1 * MB
    assert kept == list(range(kept[0], 100))
    assert queue.lost == {"spill_full": 10 * kept[0]}
    assert kept[0] > 70


def test_the_bound_is_never_exceeded(tmp_path: Path) -> None:
    queue = Queue(tmp_path, max_bytes=1 * MB)
    for number in range(20):
        queue.put(number, size=300_000)
        assert queue.spill.size <= 1 * MB
        assert sum(file.stat().st_size for file in tmp_path.glob("*.frames")) <= 1 * MB
    queue.put(20, size=2 * MB)
    assert queue.take() == [17, 18, 19]
    assert queue.lost == {"spill_full": 180}, "what can never fit is lost itself"


def test_a_full_disk_leaves_room_in_memory_and_is_told(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    queue.put(0, 1, size=1000)
    with full_disk(2500):
        queue.put(2, 3, 4, size=1000)
        assert "File too large" in queue.spill.error
        assert queue.take() == [0, 1, 2, 3, 4]
    assert queue.lost == {}
    queue.spill.rewind()
    queue.spill.close()
    assert queue.lost == {"disk": 30}
    assert Queue(tmp_path).take() == [0, 1]


def test_memory_in_place_of_a_disk_keeps_the_newest_and_counts_the_others(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    with full_disk(0):
        for number in range(300):
            queue.put(number, size=100_000)
            assert queue.spill.size <= store.MEMORY_BYTES
    kept = queue.take()
    assert kept == list(range(kept[0], 300))
    assert 100_000 * len(kept) > 0.8 * store.MEMORY_BYTES
    assert queue.lost == {"disk": 10 * kept[0]}


def test_memory_in_place_of_a_disk_is_enough_for_who_reads_along(tmp_path: Path) -> None:
    queue, found = Queue(tmp_path), list[int]()
    with full_disk(0):
        for number in range(300):
            queue.put(number, size=100_000)
            if number >= 3:
                found += queue.take(1)
                queue.done(1)
    assert found + queue.take() == list(range(300))
    assert queue.lost == {}


def test_what_was_read_from_lost_memory_is_counted_as_the_disks(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    with full_disk(0):
        queue.put(0, size=100_000)
        assert queue.take() == [0]
        queue.put(*range(1, 200), size=100_000)
    queue.spill.rewind()
    assert set(queue.lost) == {"disk"}
    assert queue.lost["disk"] + queue.spill.samples == 2000


def test_the_disk_is_used_again_when_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "DISK_RETRY_SECONDS", 0.0)
    queue = Queue(tmp_path)
    with full_disk(0):
        queue.put(0, 1)
        assert queue.spill.error
    queue.put(2, 3)
    assert queue.spill.error == ""
    assert queue.take() == [0, 1, 2, 3]
    queue.done(2)
    queue.spill.close()
    assert (Queue(tmp_path).take(), queue.lost) == ([2, 3], {})


def test_a_broken_disk_leaves_no_empty_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "DISK_RETRY_SECONDS", 0.0)
    queue = Queue(tmp_path)
    with full_disk(0):
        queue.put(*range(20))
    assert segment.numbers(tmp_path) == []
    assert queue.take() == list(range(20))


def test_on_a_full_file_system_acknowledging_gives_room(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SEGMENT_BYTES", 100_000)
    folder = small_disk / "queue"
    queue = Queue(folder)
    queue.put(*range(60), size=20_000)
    with filled(small_disk):
        assert "No space left" in queue.spill.error
        assert queue.take() == list(range(60))
        queue.done(60)
        assert len(segment.numbers(folder)) <= 1
    assert (queue.spill.samples, queue.lost) == (0, {})
    queue.spill.close()
    assert Queue(folder).take() == [], "nothing of it is sent again"


def test_a_queue_that_finds_its_file_system_full_takes_and_gives(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "DISK_RETRY_SECONDS", 0.0)
    with filled(small_disk):
        queue = Queue(small_disk / "queue")
        queue.put(0, 1)
        assert "No space left" in queue.spill.error
        assert queue.take() == [0, 1]
        queue.done(2)
    queue.put(2, 3)
    assert queue.take() == [2, 3]
    queue.done(1)
    assert queue.spill.error == ""
    queue.spill.close()
    assert (Queue(small_disk / "queue").take(), queue.lost) == ([3], {})


def test_a_disk_that_becomes_read_only_raises_nothing(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SEGMENT_BYTES", 2000)
    monkeypatch.setattr(store, "DISK_RETRY_SECONDS", 0.0)
    queue = Queue(small_disk)
    queue.put(*range(4), size=1500)
    with read_only(small_disk):
        queue.put(*range(4, 8), size=1500)
        assert "Read-only file system" in queue.spill.error
        assert queue.take() == list(range(8))
        queue.done(8)
    queue.put(8)
    assert (queue.take(), queue.spill.error, queue.lost) == ([8], "", {})


def test_a_disk_that_cannot_be_read_is_unreadable_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SEGMENT_BYTES", 50)
    queue = Queue(tmp_path)
    queue.put(*range(6))
    broken = os.open(tmp_path / "written-only", os.O_WRONLY | os.O_CREAT)
    os.dup2(broken, queue.spill._store.segments[1]._file)  # type: ignore[attr-defined]
    os.close(broken)
    assert queue.take() == [0, 1, 4, 5]
    assert queue.lost == {"unreadable": 20}
    queue.done(4)
    assert queue.spill.samples == 0
    queue.put(6)
    assert queue.take() == [6]
