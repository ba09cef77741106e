"""What can be counted is on the page at 0 before it happens: its first event is an increase."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar import config, signals, wire
from sidecar.daemon import taps
from sidecar.daemon.own import ERRORS, OwnMetrics, kind_of
from sidecar.daemon.sinks.prometheus import PrometheusSink
from sidecar.daemon.sinks.runner import SinkRunner
from tests.daemon.synthetic import Tap, batch_of
from tests.daemon.test_intake import Keep, Running
from tests.waiting import eventually

TAP: dict[str, Any] = {"layers": [0], "heads": 2}
FITTING = signals.CalibratedHeads("demo", None, 2, ((0, 1),))
TAP_CODE = Path(taps.__file__).parents[1] / "tap"


@pytest.fixture
def running() -> Iterator[Running]:
    started = Running(config.load().wire, [FITTING])
    started.send(*Tap(**TAP).status())
    eventually(started.taps.summary)
    yield started
    started.close()


def counters(metrics: OwnMetrics) -> dict[tuple[str, ...], float]:
    """Every counter on the page by its name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if family.type == "counter" and "intake_seconds" not in sample.name
    }


def garbage(running: Running) -> None:
    running.send(wire.SAMPLES, os.urandom(200))


def contradiction(running: Running) -> None:
    sample = Tap(**TAP).sample()
    running.send(wire.SAMPLES, wire.encode_batch(batch_of([sample | {"mass": sample["mass"] * 3}])))


def gap(running: Running) -> None:
    tap = Tap(**TAP)
    running.send(*tap.message(1))
    lost = tap.message(300)
    running.send(*tap.message(1))
    running.send(*lost)
    running.send(*lost)


def restart(running: Running) -> None:
    for boot in ("first", "second"):
        running.send(*Tap(**TAP, boot=boot).message(1))


def stranger(running: Running) -> None:
    running.send(*Tap(**TAP, model="another").message(1))


@pytest.mark.parametrize(
    ("happens", "counted"),
    [
        (garbage, ("malformed_messages_total", "arrow")),
        (contradiction, ("malformed_samples_total", "mass")),
        (gap, ("missing_samples_total", "0")),
        (gap, ("late_samples_total", "0")),
        (gap, ("duplicate_samples_total", "0")),
        (restart, ("engine_restarts_total", "0")),
        (stranger, ("uncalibrated_samples_total", "model")),
    ],
)
def test_the_first_event_is_an_increase(
    running: Running, happens: Callable[[Running], None], counted: tuple[str, str]
) -> None:
    name = (f"attention_sidecar_{counted[0]}", counted[1])
    before = counters(running.metrics)
    assert before[name] == 0
    happens(running)
    eventually(lambda: counters(running.metrics)[name] > 0)
    assert counters(running.metrics).keys() == before.keys()


def test_a_sink_has_every_reason_from_its_start() -> None:
    metrics = OwnMetrics()
    runner = SinkRunner(Keep(), metrics, max_batches=1)
    runner.start()
    found = counters(metrics)
    runner.finish(0)
    runner.join(0)
    for reason in ("queue_full", "refused", "retries_exhausted", "error", "stopping"):
        assert found["attention_sidecar_dropped_samples_total", "keep", reason] == 0
    assert found["attention_sidecar_sink_retries_total", "keep"] == 0


def test_every_label_can_overflow_for_a_first_time() -> None:
    metrics = OwnMetrics()
    PrometheusSink(config.Metrics(labels=["tenant"]), metrics)
    found = {key[1] for key in counters(metrics) if "label_overflow" in key[0]}
    assert found >= {"model_name", "engine", "tenant", "series", "layer", "head"}


def test_every_reason_that_a_tap_can_give_is_told_before_it_happens() -> None:
    given = {
        reason
        for file in TAP_CODE.rglob("*.py")
        for reason in re.findall(r'dropped\["(\w+)"\]', file.read_text())
    }
    assert given == set(taps.DROPPED)
    known = taps.Taps()
    known.update(wire.TapStatus.model_validate_json(Tap().status(dropped={})[1]))
    [dropped] = [one for one in known.collect() if one.name == "attention_tap_dropped"]
    told = {sample.labels["reason"]: sample.value for sample in dropped.samples}
    assert told == dict.fromkeys(given, 0)


@pytest.mark.parametrize(
    ("error", "kind"),
    [(KeyError(), "LookupError"), (UnicodeError(), "ValueError"), (StopIteration(), "Exception")],
)
def test_an_unexpected_error_is_of_a_known_kind(error: Exception, kind: str) -> None:
    assert kind_of(error) == kind
    assert kind in ERRORS
