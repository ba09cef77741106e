"""What `attention-sidecar status` prints of a daemon's status."""

from typing import Any

from sidecar.daemon.own import OwnMetrics
from sidecar.daemon.report import lines
from sidecar.daemon.taps import Taps
from sidecar.wire import TapStatus
from tests.daemon.synthetic import Tap


def status_with(metrics: OwnMetrics, **changes: Any) -> dict[str, Any]:
    taps = Taps()
    taps.update(TapStatus.model_validate_json(Tap().status(**changes)[1]))
    sampling = {"rate": 0.1, "stride": 16, "budget_ms_per_s": 20, "layers": "auto"}
    return {
        "version": "1",
        "url": "http://127.0.0.1:1",
        "uptime_seconds": 1,
        "taps": taps.summary(),
        "sinks": [],
        "intake": metrics.snapshot(),
        "sampling": sampling,
    }


def test_what_a_tap_dropped_and_caught_is_told_by_reason() -> None:
    dropped = {"queue_full": 3, "shape": 0, "unsent": 1}
    found = list(lines(status_with(OwnMetrics(), dropped=dropped, errors={"ValueError": 2})))
    assert "      dropped: 3 queue_full, 1 unsent" in found
    assert "      errors: 2 ValueError" in found


def test_a_tap_without_trouble_has_no_line_of_it() -> None:
    found = "\n".join(lines(status_with(OwnMetrics(), dropped={"queue_full": 0}, errors={})))
    assert "dropped" not in found
    assert "errors" not in found


def test_samples_that_came_late_are_not_called_lost() -> None:
    metrics = OwnMetrics()
    metrics.missing.labels("0").inc(4)
    metrics.late.labels("0").inc(3)
    found = list(lines(status_with(metrics)))
    assert "lost  4 missing by sequence number (engine 0)" in found
    assert "late  3 counted as missing came after all (engine 0)" in found


def test_the_monitor_of_a_fleet_tells_its_group_and_lag_and_no_taps() -> None:
    status = status_with(OwnMetrics())
    del status["sampling"]
    fleet = {"group": "g", "topic": "t", "state": "watching", "error": "", "partitions": 2}
    found = list(lines({**status, "taps": [], "fleet": {**fleet, "lag_records": 7}}))
    assert "fleet t as group g: watching" in found
    assert "      7 records behind on 2 partitions" in found
    assert not [line for line in found if line.startswith("tap")]
    away = {**fleet, "state": "away", "error": "no broker", "lag_records": None}
    found = list(lines({**status, "taps": [], "fleet": away}))
    assert "fleet t as group g: away no broker" in found
    assert not [line for line in found if "behind" in line]
