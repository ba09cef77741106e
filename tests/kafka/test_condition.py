"""What the log tells of a topic that does not get through."""

from pathlib import Path

import pytest

from sidecar.daemon.sinks.kafka.client import Away, MissingTopic, Refused
from sidecar.daemon.sinks.kafka.condition import STATES, Condition
from sidecar.daemon.sinks.kafka.stream import LOST_REASONS


def test_the_log_has_an_outage_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    condition = Condition("t")
    condition.works()
    for _ in range(3):
        condition.fails(Away("no broker at a:1"))
    condition.works()
    condition.works()
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert told == [
        ("WARNING", "topic t: no broker at a:1"),
        ("INFO", "topic t: running again"),
    ]


@pytest.mark.parametrize(
    ("error", "state", "fault"),
    [
        (Away("no broker at a:1"), "away", "no broker at a:1"),
        (MissingTopic("topic 't' is missing"), "missing_topic", "topic 't' is missing"),
        (Refused("not delivered: too large"), "refusing", "topic 't': not delivered: too large"),
        (KeyError("x"), "away", "KeyError: 'x'"),
    ],
)
def test_every_error_has_a_state_and_words(error: Exception, state: str, fault: str) -> None:
    condition = Condition("t")
    condition.fails(error)
    assert (condition.state, condition.fault) == (state, fault)
    condition.works()
    assert (condition.state, condition.fault) == ("running", "")


def test_every_state_and_every_reason_is_documented() -> None:
    docs = Path(__file__).parents[2] / "docs"
    kafka, metrics = ((docs / f"{name}.md").read_text() for name in ("kafka", "metrics"))
    assert [word for word in (*STATES[1:], *LOST_REASONS) if f"`{word}`" not in kafka] == []
    assert [word for word in LOST_REASONS if f"`{word}`" not in metrics] == []
