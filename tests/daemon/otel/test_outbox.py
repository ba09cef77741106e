"""The queue in front of an exporter: its bound, its retries, its end; nothing lost is uncounted."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sidecar.daemon.sinks.otel import outbox as outbox_module
from sidecar.daemon.sinks.otel.exporters import Exporter
from sidecar.daemon.sinks.otel.outbox import MAX_ATTEMPTS, MAX_BATCH, Outbox
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "LONGEST_DELAY", 0.01)
    monkeypatch.setattr(outbox_module, "LINGER_SECONDS", 0.01)


class Sending:
    """An outbox and what its exporter got; ``answer`` may wait, refuse or raise."""

    def __init__(self, answer: Callable[[int], bool] = lambda _: True, limit: int = 10_000) -> None:
        self.batches: list[list[Any]] = []
        self.shut = threading.Event()
        self._answer = answer
        self.outbox = Outbox("things", Exporter(self._export, self.shut.set), limit=limit)

    def _export(self, batch: list[Any]) -> bool:
        self.batches.append(list(batch))
        return self._answer(len(self.batches))

    @property
    def dropped(self) -> dict[str, int]:
        return {reason: count for reason, count in self.outbox.dropped.items() if count}

    def end(self, seconds: float = 5.0) -> None:
        self.outbox.finish()
        self.outbox.join(time.monotonic() + seconds)


def test_items_are_sent_in_order_and_in_batches() -> None:
    sending = Sending()
    for number in range(2 * MAX_BATCH + 5):
        sending.outbox.put(number)
    sending.end()
    assert [item for batch in sending.batches for item in batch] == list(range(2 * MAX_BATCH + 5))
    assert max(map(len, sending.batches)) <= MAX_BATCH
    assert (sending.outbox.sent, sending.dropped) == (2 * MAX_BATCH + 5, {})


def test_a_batch_that_is_not_taken_is_sent_again() -> None:
    sending = Sending(lambda attempt: attempt == 3)
    sending.outbox.put("a")
    eventually(lambda: sending.outbox.sent == 1)
    assert sending.batches == [["a"]] * 3
    assert not sending.outbox.failing
    sending.end()
    assert sending.dropped == {}


def refuse(_attempt: int) -> bool:
    return False


def burst(_attempt: int) -> bool:
    raise RuntimeError("broken")


@pytest.mark.parametrize("answer", [refuse, burst])
def test_a_batch_that_is_never_taken_is_counted_and_makes_way(
    answer: Callable[[int], bool],
) -> None:
    sending = Sending(lambda attempt: attempt > MAX_ATTEMPTS or answer(attempt))
    sending.outbox.put("poison")
    eventually(lambda: sending.dropped == {"failed": 1})
    assert sending.outbox.failing
    sending.outbox.put("fine")
    eventually(lambda: sending.outbox.sent == 1)
    assert not sending.outbox.failing
    sending.end()


def test_a_full_queue_drops_the_newest_and_never_waits() -> None:
    gate = threading.Event()
    sending = Sending(lambda _: gate.wait(10), limit=3)
    start = time.monotonic()
    for number in range(10):
        sending.outbox.put(number)
    assert time.monotonic() - start < 1
    assert (sending.outbox.waiting, sending.dropped) == (3, {"queue_full": 7})
    gate.set()
    sending.end()
    assert sending.batches[0][0] == 0
    assert sending.outbox.sent == 3


def test_what_cannot_be_sent_before_the_end_is_counted() -> None:
    sending = Sending(refuse)
    for number in range(MAX_BATCH + 7):
        sending.outbox.put(number)
    sending.end(0.2)
    sending.outbox.put("late")
    assert sending.outbox.sent == 0
    assert sum(sending.dropped.values()) == MAX_BATCH + 8
    assert set(sending.dropped) <= {"stopping", "failed"}
    assert sending.outbox.waiting == 0


def test_an_export_that_hangs_is_ended_and_counted() -> None:
    def hang(_attempt: int) -> bool:
        sending.shut.wait(10)
        return False

    sending = Sending(hang)
    sending.outbox.put("a")
    eventually(lambda: sending.batches)
    start = time.monotonic()
    sending.end(0.2)
    assert time.monotonic() - start < 5
    assert sending.dropped == {"stopping": 1}


@pytest.fixture
def threads() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    eventually(lambda: set(threading.enumerate()) <= before)


@pytest.mark.usefixtures("threads")
def test_no_thread_is_left() -> None:
    sending = Sending()
    sending.outbox.put("a")
    sending.end()
