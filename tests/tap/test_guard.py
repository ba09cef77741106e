import time

import pytest

from sidecar.tap.guard import Guard


def fail():
    raise RuntimeError("broken")


def test_an_exception_ends_here_and_is_counted_by_type():
    guard = Guard(limit=3)
    assert guard.run("plan", fail) is None
    assert guard.run("plan", int, "7") == 7
    assert guard.errors == {"RuntimeError": 1}
    assert not guard.tripped


def test_failures_in_a_row_switch_the_tap_off_for_good():
    guard = Guard(limit=3)
    for _ in range(3):
        guard.run("plan", fail)
    assert "3 failures in a row, the last in plan: RuntimeError" in guard.tripped
    assert guard.run("plan", int, "7") is None


def test_a_success_between_failures_keeps_it_on():
    guard = Guard(limit=3)
    for _ in range(10):
        guard.run("plan", fail)
        guard.succeeded()
    assert not guard.tripped


def test_an_interrupt_is_not_swallowed():
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Guard(limit=1).run("plan", interrupt)


def test_nested_stages_are_charged_once():
    guard = Guard(limit=1)

    def outer():
        time.sleep(0.02)
        guard.run("inner", time.sleep, 0.05)

    begin = time.perf_counter()
    guard.run("outer", outer)
    assert guard.spent <= time.perf_counter() - begin
    assert guard.seconds["inner"] >= 0.05
    assert guard.seconds["outer"] >= 0.02
