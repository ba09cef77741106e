"""The doctor against a real daemon, told by real messages what taps would tell it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

import sidecar
from sidecar import config
from sidecar.config import Sampling, Settings
from sidecar.daemon.client import Client, Unreachable
from sidecar.doctor import Check, examine
from tests.daemon.synthetic import Tap

COMMAND = str(Path(sys.executable).with_name("attention-sidecar"))
Push = Callable[[list[bytes]], object]


@pytest.fixture
def settings(tmp_path: Path, free_port: int) -> Settings:
    return config.load({"http": {"port": free_port}, "archive": {"path": str(tmp_path / "a")}})


@pytest.fixture
def daemon(settings: Settings, tmp_path: Path) -> Iterator[Client]:
    command = [COMMAND, "daemon"]
    flags = [
        f"http.port={settings.http.port}",
        f"archive.path={settings.archive.path}",
        "daemon.stop_seconds=2",
    ]
    process = subprocess.Popen(command + [part for flag in flags for part in ("--set", flag)])
    try:
        yield reachable(Client(settings.http))
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def reachable(client: Client) -> Client:
    for _ in range(300):
        try:
            client.status()
        except Unreachable:
            time.sleep(0.1)
        else:
            return client
    raise AssertionError("the daemon did not start in 30 s")


@pytest.fixture
def push(settings: Settings) -> Iterator[Push]:
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.linger = 0
        socket.connect(settings.wire.samples)
        yield socket.send_multipart


def checks(settings: Settings, *, watch: float = 0.3) -> dict[str, list[Check]]:
    found: dict[str, list[Check]] = {}
    for check in examine(settings, watch=watch):
        found.setdefault(check.name, []).append(check)
    return found


def soon(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_without_a_daemon_sockets_and_daemon_fail(settings: Settings) -> None:
    found = checks(settings)
    for name in ("samples socket", "control socket", "daemon"):
        assert found[name][0].verdict == "fail"
        assert "attention-sidecar daemon" in found[name][0].advice
    assert "tap" not in found


def test_a_daemon_that_no_tap_reports_to_is_not_fine(settings: Settings, daemon: Client) -> None:
    found = checks(settings)
    fine = [
        "samples socket",
        "control socket",
        "daemon",
        "addresses",
        "clocks",
        "archive",
        "losses",
    ]
    assert {name: found[name][0].verdict for name in fine} == dict.fromkeys(fine, "ok")
    assert {check.verdict for check in found["sink"]} == {"ok"}
    assert found["tap"][0].verdict == "fail"
    assert found["samples"][0].verdict == "warn"
    assert '"sample": true' in found["samples"][0].advice


def healthy(tap: Tap) -> list[bytes]:
    return tap.status(version=sidecar.__version__, dropped={}, errors={}, tapped_layers=[4, 8])


def test_a_healthy_tap_whose_samples_come_through(
    settings: Settings, daemon: Client, push: Push
) -> None:
    tap = Tap()
    push(tap.message(3))
    push(healthy(tap))
    soon(lambda: daemon.status()["taps"])
    found = checks(settings)
    assert {check.verdict for name in found for check in found[name]} == {"ok"}
    assert "v1, cpu, cpu) is active, 2 layers, rate 0.1" in found["tap"][0].found
    assert found["samples"][0].found == "none in the last 0.3 s, 3 before"


@pytest.mark.parametrize(
    ("changes", "verdict", "told"),
    [
        ({"state": "blind", "reason": "update it"}, "fail", "is blind"),
        ({"state": "tripped", "reason": "a bug"}, "fail", "is tripped"),
        ({"state": "off"}, "warn", "is off"),
        ({"state": "starting"}, "warn", "is starting"),
        ({"sampling": Sampling(rate=0)}, "warn", "rate 0"),
        ({"effective_rate": 0.01}, "warn", "rate 0.01 instead of 0.1"),
    ],
)
def test_a_tap_in_trouble_is_named_with_what_to_do(
    settings: Settings,
    daemon: Client,
    push: Push,
    changes: dict[str, object],
    verdict: str,
    told: str,
) -> None:
    push(Tap(engine="7").status(**changes))
    soon(lambda: daemon.status()["taps"])
    found = checks(settings)
    check = found["tap"][0]
    assert check.verdict == verdict
    assert "engine 7" in check.found
    assert told in check.found
    assert check.advice
    assert changes.get("reason", "") in check.advice  # type: ignore[operator]
    assert found["tap dropped"][0].found.endswith("3 queue_full")
    assert found["tap errors"][0].found.endswith("1 ValueError")
    assert found["versions"][0].verdict == "warn"


def test_two_live_engines_with_the_same_labels_are_told(
    settings: Settings, daemon: Client, push: Push
) -> None:
    for boot in ("first", "second", "first"):
        push(healthy(Tap(boot=boot)))
    soon(lambda: any(tap["label_conflicts"] for tap in daemon.status()["taps"]))
    [check] = checks(settings)["labels"]
    assert check.verdict == "fail"
    assert "demo engine 0 rank 0" in check.found
    assert "engine.label" in check.advice


def test_gaps_skewed_clocks_and_vanished_samples_are_told(
    settings: Settings, daemon: Client, push: Push
) -> None:
    push(Tap(engine="1").status(samples=40, requests_sampled=4, time=time.time() - 60))
    soon(lambda: daemon.status()["taps"])
    found = checks(settings)
    assert found["clocks"][0].verdict == "fail"
    assert "engine 1 rank 0 is 60.0 s behind" in found["clocks"][0].found
    assert found["samples"][0].verdict == "fail"
    assert found["samples"][0].found == "taps sent 37, none came"

    tap = Tap(engine="1")
    push(tap.message(1))
    tap.sequence += 5
    push(tap.message(1))
    push([b"samples", b"garbage"])
    soon(lambda: 5 in [one["value"] for one in daemon.status()["intake"]["missing_samples_total"]])
    found = checks(settings)
    assert found["losses"][0].verdict == "warn"
    assert "5 missing by sequence number, 1 malformed messages" in found["losses"][0].found


def test_a_daemon_with_other_sockets_is_told(settings: Settings, daemon: Client) -> None:
    other = config.load(
        {"http": {"port": settings.http.port}, "wire": {"samples": "tcp://127.0.0.1:9"}}
    )
    found = checks(other)
    assert found["samples socket"][0].verdict == "fail"
    assert found["addresses"][0].verdict == "fail"
    assert "tcp://127.0.0.1:9" in found["addresses"][0].found


def test_a_socket_that_a_killed_daemon_left_is_not_taken_for_a_live_one(
    settings: Settings,
) -> None:
    path = Path(settings.wire.samples.removeprefix("ipc://"))
    path.parent.mkdir(mode=0o700)
    with zmq.Context() as context, context.socket(zmq.PULL) as socket:
        socket.bind(settings.wire.samples)
        os.link(path, path.with_name("kept"))
    path.with_name("kept").replace(path)
    check = checks(settings)["samples socket"][0]
    assert check.verdict == "fail"
    assert "nobody listens" in check.found


def test_the_command_prints_the_checks_and_fails(settings: Settings) -> None:
    command = [COMMAND, "doctor", "--url", "http://127.0.0.1:9"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert any(line.startswith("fail  daemon") for line in lines)
    assert any(line.strip().startswith("→ start it") for line in lines)
