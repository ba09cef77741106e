"""The monitor: what it raises, when it ends, what it keeps, and what it never calls fine."""

import json
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from benchmarks.drift_traffic import START, STEP, Shift
from sidecar.drift import Baseline, Monitor, Policy, Stream
from sidecar.drift.alert import FLEET, Alert, sentence
from sidecar.drift.baseline import fit
from tests.drift.kit import RAG, SIZE, baseline, numbers, some, without_paging

FAULT = Shift(at=1000, hit=1.0)


def now(requests: int) -> float:
    return (START + requests * STEP) / 1e6


def monitor(*routes: str, **policy: float) -> Monitor:
    return Monitor(baseline(*routes), Policy(**policy))  # type: ignore[arg-type]


def of_sessions() -> Baseline:
    one = fit(RAG, some(SIZE, 76, regime="sessions"), "grounding_score", 0.01)
    return Baseline(created=datetime.now(UTC), where="true", margin=0.01, signals=(one,))


def told(alert: Alert) -> str:
    """All of an alert, but for the last digits of its numbers."""
    return re.sub(r"(\.\d{6})\d+", r"\1", alert.model_dump_json())


def test_traffic_like_the_reference_raises_nothing() -> None:
    assert sum(len(monitor().update(RAG, some(4000, seed))) for seed in range(50, 60)) == 0


def test_a_fault_raises_one_alert_that_says_what_and_since_when() -> None:
    (alert,) = monitor().update(RAG, some(3000, 60, shift=FAULT))
    assert (alert.state, alert.kind, alert.direction) == ("firing", "behaviour", "drop")
    assert alert.percent == pytest.approx(-75, abs=15)
    assert (alert.since.timestamp() - now(1000)) / (STEP / 1e6) == pytest.approx(0, abs=300)
    assert alert.raised.timestamp() < now(1150)
    assert "grounding_score fell by" in sentence(alert)


def test_a_shift_below_the_least_effect_raises_nothing() -> None:
    small = Shift(at=0, hit=1.0, size=0.02)
    assert monitor(least_effect=0.5).update(RAG, some(4000, 61, shift=small)) == []
    assert monitor().update(RAG, some(4000, 61, shift=small))


def test_an_alert_resolves_and_rests() -> None:
    watched = monitor(cool_down=500)
    watched.update(RAG, some(2000, 62, shift=FAULT))
    assert watched.condition(RAG, now(2000)).health == "alarm"
    (over,) = watched.update(RAG, some(200, 63, start=2000))
    assert over.state == "resolved"
    assert watched.condition(RAG, now(2200)).health == "cooling down"
    assert watched.update(RAG, some(300, 64, start=2200, shift=Shift(0, 1.0))) == []
    assert watched.update(RAG, some(1000, 65, start=2500, shift=Shift(0, 1.0)))


@pytest.mark.parametrize("cut", [7, 1003, 1041, 1500])
def test_a_restart_in_the_middle_changes_nothing(cut: int) -> None:
    whole, before, after = monitor(), monitor(), monitor()
    every = some(2500, 66, shift=FAULT)
    every.signals[::7, 0] = np.nan
    alerts = whole.update(RAG, every)
    first = before.update(RAG, every.take(slice(0, cut)))
    after.restore(json.loads(json.dumps(before.state(), allow_nan=False)))
    assert [told(one) for one in [*first, *after.update(RAG, every.take(slice(cut, None)))]] == [
        told(one) for one in alerts
    ]
    assert numbers(after.state()) == pytest.approx(numbers(whole.state()))


def test_a_state_of_another_baseline_is_refused() -> None:
    with pytest.raises(ValueError, match="state is version 2 of baseline"):
        monitor("a").restore(monitor("b").state())


def test_unmeasured_is_never_fine() -> None:
    watched = monitor()
    assert watched.condition(RAG, now(0)) == ("unmeasured", "no request yet")
    assert watched.condition(Stream("m", "other"), now(0)) == ("unmeasured", "no baseline")
    watched.update(RAG, some(500, 67))
    assert watched.condition(RAG, now(500)).health == "fine"
    lost = some(200, 68, start=500)
    lost.signals[:] = np.nan
    assert watched.update(RAG, lost) == []
    assert watched.condition(RAG, now(700)).reason == "signal missing in the last 200 requests"
    watched.update(RAG, some(100, 69, start=700))
    assert watched.condition(RAG, now(800)).health == "fine"
    assert watched.condition(RAG, now(799) + 7200).reason == "no request for 7200 s"


def test_a_signal_that_few_requests_have_is_unmeasured() -> None:
    watched, made = monitor(), some(2000, 83)
    made.signals[np.arange(2000) % 50 > 0] = np.nan
    watched.update(RAG, made)
    found = watched.condition(RAG, now(2000))
    assert found == ("unmeasured", "grounding_score missing in most of the latest requests")


def test_a_signal_that_never_came_is_unmeasured_from_the_first_requests() -> None:
    every = some(SIZE, 85)
    every.signals[:, [1, 2]] = every.signals[:, [0]]
    every.signals[:, 0] = np.nan
    fitted = tuple(fit(RAG, every, name, 0.005) for name in ("context_share", "copy_rate"))
    made = Baseline(created=datetime.now(UTC), where="true", margin=0.005, signals=fitted)
    watched = Monitor(made)
    lacking = every.take(slice(0, 10))
    lacking.signals[:, 2] = np.nan
    watched.update(RAG, lacking)
    found = watched.condition(RAG, now(10))
    assert found == ("unmeasured", "copy_rate missing in most of the latest requests")


def test_an_alert_without_calibrated_heads_says_so() -> None:
    (alert,) = monitor().update(RAG, some(3000, 60, shift=FAULT))
    assert "uncalibrated" not in sentence(alert)
    plain = alert.model_copy(update={"calibrated": False, "signal": "context_share"})
    assert "context_share (uncalibrated) fell by" in sentence(plain)


def test_a_request_of_tomorrow_hides_no_silence() -> None:
    watched, made = monitor(), some(500, 84)
    made.time[250] += 86_400_000_000
    watched.update(RAG, made)
    assert watched.condition(RAG, now(500)).health == "fine"
    assert watched.condition(RAG, now(499) + 7200).reason == "no request for 7200 s"


def test_memory_does_not_grow_with_requests_or_routes() -> None:
    watched = monitor()
    watched.update(RAG, some(2000, 70, regime="sessions"))
    assert len(json.dumps(watched.state())) < 8000
    few = some(1, 71)
    for number in range(10_000):
        watched.update(Stream("m", f"r{number}"), few)
    assert watched.dropped == {"no_baseline": 10_000}
    assert len(watched.watches) == 1


def test_streams_are_capped_and_counted() -> None:
    watched = Monitor(baseline("a", "b", "c"), most_streams=2)
    assert watched.update(Stream("m", "c"), some(10, 72)) == []
    assert watched.dropped == {"too_many_streams": 10}
    assert watched.condition(Stream("m", "c"), now(0)).reason == "too many streams"


def test_a_stream_of_which_no_signal_pages_is_unmeasured_for_that() -> None:
    hr, watched = Stream("m", "hr"), Monitor(without_paging(baseline(), "hr"))
    assert watched.update(hr, some(10, 72)) == []
    assert watched.dropped == {"no_paging_signal": 10}
    assert watched.condition(hr, now(0)) == ("unmeasured", "no paging signal in the baseline")


def test_a_clock_that_jumps_moves_no_evidence() -> None:
    steady, jumping = monitor(), monitor()
    made = some(2000, 73)
    steady.update(RAG, made)
    made.time[1000:] -= 10**15
    jumping.update(RAG, made)
    evidence = [one.watches[RAG].route.evidence.state() for one in (steady, jumping)]
    assert evidence[0] == evidence[1]


def parts(watched: Monitor, faulty: range, of: int) -> list[Alert]:
    """Alerts of four routes that have a fault in some of the parts of 20 requests."""
    found = []
    for part in range(of):
        for place, route in enumerate("abcd"):
            fault = Shift(0, 1.0, size=0.1 if part in faulty else 0.0)
            made = some(20, 100 * part + place, start=20 * part, shift=fault)
            found += watched.update(Stream("m", route), made)
    return found


def test_a_fault_of_all_routes_shows_in_their_median() -> None:
    watched = monitor("a", "b", "c", "d")
    [alert] = [one for one in parts(watched, range(10, 40), of=40) if one.route == FLEET]
    assert alert.direction == "drop"
    assert (alert.since.timestamp() - now(200)) / (STEP / 1e6) == pytest.approx(0, abs=60)
    assert "the median of all routes" in sentence(alert)


def test_the_alert_of_all_routes_ends_when_their_median_has_come_back() -> None:
    watched = monitor("a", "b", "c", "d")
    found = parts(watched, range(10, 40), of=60)
    assert [one.state for one in found if one.route == FLEET] == ["firing", "resolved"]
    assert watched.shared["m"].resting
    assert watched.alerts() == []


def test_a_median_within_the_margin_is_no_evidence() -> None:
    watched = monitor(*"abcde")
    found = []
    for part in range(400):
        for place, route in enumerate("abcde"):
            made = some(40, 1000 * part + place, start=40 * part)
            made.signals[:, 0] += 0.004
            found += watched.update(Stream("m", route), made)
    assert found == []
    assert watched.shared["m"].fleet.statistic < 1e5


def test_a_lasting_fault_of_a_few_requests_is_told_once() -> None:
    watched = Monitor(of_sessions())
    raised = watched.update(RAG, some(40_000, 80, regime="sessions", shift=Shift(500, 0.1)))
    assert [alert.state for alert in raised] == ["firing"]


def test_a_signal_that_goes_the_other_way_is_told_at_once() -> None:
    watched = monitor()
    raised = watched.update(RAG, some(1000, 81, shift=Shift(200, 1.0)))
    risen = some(3000, 82, start=1000)
    risen.signals[:, 0] += 0.2
    raised += watched.update(RAG, risen)
    assert [(alert.state, alert.direction) for alert in raised] == [
        ("firing", "drop"),
        ("resolved", "drop"),
        ("firing", "rise"),
    ]
    assert raised[1].resolved is not None
    assert raised[2].raised - raised[1].resolved < timedelta(seconds=100 * STEP / 1e6)


def test_the_median_goes_on_after_a_restart() -> None:
    whole, after = monitor("a", "b", "c", "d"), monitor("a", "b", "c", "d")
    parts(whole, range(10, 40), of=35)
    after.restore(json.loads(json.dumps(whole.state(), allow_nan=False)))
    assert numbers(after.state()) == pytest.approx(numbers(whole.state()))
    assert [told(one) for one in after.alerts()] == [told(one) for one in whole.alerts()]


def test_requests_unlike_the_reference_make_it_a_change_of_traffic() -> None:
    made = some(2000, 74, shift=Shift(500, 1.0))
    made.lengths[500:, 0] += 5
    (alert,) = monitor().update(RAG, made)
    assert alert.kind == "traffic"


def test_a_fault_that_hits_one_request_in_ten_is_found() -> None:
    (alert,) = monitor().update(RAG, some(4000, 75, shift=Shift(1000, 0.1)))
    assert alert.direction == "drop"
    assert now(1000) < alert.raised.timestamp() < now(3000)


def test_requests_of_a_session_that_are_alike_are_no_change() -> None:
    watched = Monitor(of_sessions(), Policy(run_length=100_000))
    raised = [
        alert
        for seed in range(90, 95)
        for alert in watched.update(RAG, some(4000, seed, regime="sessions"))
    ]
    assert raised == []
