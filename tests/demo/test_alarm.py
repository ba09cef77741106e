"""What the demo prints of an alert, and the reference that its baseline is made of."""

from datetime import UTC, datetime, timedelta
from itertools import islice

from sidecar.demo import layout
from sidecar.demo.alarm import lines
from sidecar.demo.baseline import cases
from sidecar.demo.faults import CHANGES
from sidecar.drift import Alert, Moved, load


def test_an_alert_says_what_moved_what_did_not_and_what_is_new() -> None:
    now = datetime(2026, 11, 26, 6, 20, tzinfo=UTC)
    alert = Alert.model_validate(
        {
            "id": "a",
            "kind": "behaviour",
            "model_name": "demo",
            "route": "shop",
            "signal": "grounding_score",
            "calibrated": True,
            "direction": "drop",
            "shift": -0.1,
            "percent": -28.0,
            "deviations": -1.2,
            "explained": 0.0,
            "since": now,
            "raised": now + timedelta(seconds=30),
            "requests": 35,
            "run_length": 10_000,
            "moved": [{"signal": "grounding_score", "shift": -0.1, "deviations": -1.2}],
            "still": ["entropy_ratio"],
            "details": [
                Moved("new", "retriever=v2", 0.4, 0.3, -9),
                Moved("layer", "2", 0.4, 0.2, -8),
            ],
        }
    )
    shown = "\n".join(lines(alert))
    for part in (
        "grounding_score fell by 28 %, 1.2 sd on demo, route shop, since 2026-11-26 06:20 UTC",
        "raised     06:20:30 UTC, 35 requests after the change",
        "moved      grounding_score -1.2 sd",
        "did not    entropy_ratio",
        "change of behaviour; new since then: retriever=v2",
        "moved most layer 2 0.400 → 0.200",
        "a false alarm at most once in 10,000 requests",
    ):
        assert part in shown


def test_the_reference_covers_the_lengths_that_may_come() -> None:
    found = list(islice(cases("test"), 300))
    counts = [len(case.documents) for case in found]
    assert (min(counts), max(counts)) == (3, 10)
    words = [len(one.text.split()) for case in found for one in case.documents]
    assert max(words) > 3 * sorted(words)[len(words) // 2]
    assert all(case.gold is not None for case in found)


def test_what_alarms_is_a_fault_and_no_benign_change_is() -> None:
    assert {name for name, one in CHANGES.items() if one.alarms} == {
        "closed-book",
        "retriever",
        "template",
    }


def test_the_baseline_is_of_the_bundled_weights() -> None:
    found = load(layout.baseline_file())
    assert layout.revision("grounded") in found.where
    assert {stream.route for stream in found.streams()} == {"shop", "staff", "policy"}
    assert all("grounding_score" in signals for signals in found.streams().values())
