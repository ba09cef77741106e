"""A real daemon process: its files, its exit codes, its end, and a real Prometheus on its page."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
import zmq

from sidecar import config
from sidecar.config import Settings
from sidecar.daemon import service
from sidecar.daemon.sockets import AddressError
from sidecar.daemon.token import token_file
from tests.conftest import Requires
from tests.daemon.synthetic import Tap
from tests.waiting import eventually

COMMAND = [str(Path(sys.executable).with_name("attention-sidecar"))]


class Daemon:
    """A daemon in a folder of its own, and a tap's socket; ``within`` is a command that runs it."""

    def __init__(
        self, folder: Path, port: int, *extra: str, within: Sequence[str | Path] = ()
    ) -> None:
        self.archive, self.log = folder / "archive", folder / "daemon.log"
        self.url = f"http://127.0.0.1:{port}"
        settings = [f"http.port={port}", f"archive.path={self.archive}", *extra]
        flags = [part for setting in settings for part in ("--set", setting)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*within, *COMMAND, "daemon", *flags], stdout=log, stderr=log, env=os.environ
            )
        self._context = zmq.Context()
        self._push = self._context.socket(zmq.PUSH)
        self._push.connect(config.load().wire.samples)
        eventually(self._ready)

    def _ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"{self.url}/health/ready").is_success
        except httpx.TransportError:
            return False

    def send(self, parts: list[bytes]) -> None:
        self._push.send_multipart(parts)

    def intake(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.url}/v1/status").json()["intake"]
        return found

    def has(self, samples: int, *, taken_by: str = "prometheus") -> bool:
        written = self.intake().get("written_samples_total", [])
        return any(sink["sink"] == taken_by and sink["value"] >= samples for sink in written)

    def archived(self) -> tuple[int, int]:
        """Rows, and distinct rows."""
        query = f"select count(*), count(distinct record_id) from '{self.archive}/**/*.parquet'"
        [found] = duckdb.sql(query).fetchall()
        return found[0], found[1]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self._context.destroy(linger=0)
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)


@pytest.fixture
def daemon(tmp_path: Path, free_port: int) -> Iterator[Daemon]:
    started = Daemon(tmp_path, free_port)
    yield started
    started.stop()


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], check=False, capture_output=True, text=True, timeout=60
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_clean_stop_keeps_every_sample(daemon: Daemon, number: int) -> None:
    tap = Tap(layers=[0, 1], heads=4)
    for _ in range(50):
        daemon.send(tap.message(4))
    eventually(lambda: daemon.has(200))
    start = time.monotonic()
    assert daemon.stop(number) == 0, daemon.log.read_text()
    assert time.monotonic() - start < 10
    assert daemon.archived() == (200, 200)
    assert "Traceback" not in daemon.log.read_text()


@pytest.mark.slow
def test_the_commands_talk_to_the_daemon(daemon: Daemon) -> None:
    tap = Tap(layers=[0], heads=2)
    daemon.send(tap.message(3))
    daemon.send(tap.status())
    daemon.send([b"samples", b"junk"])
    eventually(lambda: daemon.has(3))
    shown = command("status", "--url", daemon.url)
    assert shown.returncode == 0
    assert "demo engine 0 rank 0: active" in shown.stdout
    assert "sink  archive: running" in shown.stdout
    assert "1 malformed messages (reason arrow)" in shown.stdout
    changed = command("sampling", "set", "--url", daemon.url, "--rate", "0.25", "--layers", "1,2")
    assert changed.returncode == 0, changed.stderr
    wrong = command("sampling", "set", "--url", daemon.url, "--rate", "7")
    assert wrong.returncode == 1
    assert "rate" in wrong.stderr
    in_force = httpx.get(f"{daemon.url}/v1/sampling").json()
    assert (in_force["rate"], in_force["layers"]) == (0.25, [1, 2])
    assert '"rate": 0.25' in command("sampling", "show", "--url", daemon.url).stdout


@pytest.mark.slow
def test_status_tells_settings_but_not_the_token(tmp_path: Path, free_port: int) -> None:
    daemon = Daemon(tmp_path, free_port, "http.token=verysecret")
    try:
        body = httpx.get(f"{daemon.url}/v1/status").text
        assert "verysecret" not in body
        assert str(free_port) in body
    finally:
        daemon.stop()


@pytest.mark.slow
def test_a_change_without_a_token_says_where_it_was_looked_for(
    tmp_path: Path, free_port: int
) -> None:
    daemon = Daemon(tmp_path, free_port, "http.token=verysecret")
    try:
        refused = command("sampling", "set", "--url", daemon.url, "--rate", "0.5")
    finally:
        daemon.stop()
    assert refused.returncode == 1
    assert "no token: set ATTENTION_HTTP__TOKEN" in refused.stderr
    assert str(token_file()) in refused.stderr


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("nonsense.invalid", "http.host: the host 'nonsense.invalid' cannot be resolved"),
        ("192.0.2.1", "http.host: '192.0.2.1' is no address of this machine"),
    ],
)
def test_a_host_that_is_not_this_machine_is_named(host: str, told: str, free_port: int) -> None:
    settings = Settings(
        http=config.Http(host=host, port=free_port), archive=config.Archive(enabled=False)
    )
    with pytest.raises(AddressError) as caught:
        service.Daemon(settings)
    assert str(caught.value).startswith(told)
    assert "another daemon" not in str(caught.value)


@pytest.mark.slow
def test_a_second_daemon_says_why_it_cannot_start(daemon: Daemon, free_port: int) -> None:
    port = f"http.port={daemon.url.rpartition(':')[2]}"
    taken = command("daemon", "--set", port, "--set", "archive.enabled=false")
    assert taken.returncode == 1
    assert "http.port: cannot listen" in taken.stderr
    assert "is another daemon running?" in taken.stderr
    other = command("daemon", "--set", "http.port=0", "--set", "archive.enabled=false")
    assert other.returncode == 1
    assert "wire.samples: another daemon" in other.stderr


@pytest.mark.slow
def test_a_wrong_setting_is_one_clear_line() -> None:
    done = command("daemon", "--set", "sampling.rate=3")
    assert done.returncode == 1
    assert "sampling.rate" in done.stderr
    assert "Traceback" not in done.stderr
    assert command("daemon", "--set", "nonsense").returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [("status",), ("sampling", "show"), ("sampling", "set", "--rate", "0.5")]
)
def test_without_a_daemon_commands_say_so(arguments: tuple[str, ...], free_port: int) -> None:
    done = command(*arguments, "--url", f"http://127.0.0.1:{free_port}")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "no daemon answers" in done.stderr


@pytest.mark.slow
def test_the_daemon_comes_back_after_a_kill(tmp_path: Path, free_port: int) -> None:
    first = Daemon(tmp_path, free_port)
    tap = Tap(layers=[0], heads=2)
    first.send(tap.message(5))
    eventually(lambda: first.has(5, taken_by="archive"))
    first.stop(signal.SIGKILL)
    second = Daemon(tmp_path, free_port)
    second.send(tap.message(5))
    eventually(lambda: second.has(5))
    assert second.intake()["unseen_samples_total"] == [{"engine": "0", "value": 5}]
    assert second.stop() == 0
    assert second.archived() == (10, 10)


@pytest.fixture
def prometheus(
    daemon: Daemon, requires: Requires, tmp_path: Path
) -> Iterator[Callable[[str], list[dict[str, Any]]]]:
    """Instant queries to a Prometheus that scrapes the daemon every half second."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    target = daemon.url.removeprefix("http://")
    file = tmp_path / "prometheus.yml"
    file.write_text(
        "global: {scrape_interval: 500ms}\n"
        f"scrape_configs: [{{job_name: sidecar, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    arguments = [f"--config.file={file}", f"--storage.tsdb.path={tmp_path / 'tsdb'}"]
    arguments += [f"--web.listen-address={address}", "--log.level=error"]
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([requires("prometheus"), *arguments], stdout=log, stderr=log)

    def query(expression: str) -> list[dict[str, Any]]:
        try:
            answer = httpx.get(f"http://{address}/api/v1/query", params={"query": expression})
        except httpx.TransportError:
            return []
        if not answer.is_success:
            return []
        found: list[dict[str, Any]] = answer.json().get("data", {}).get("result", [])
        return found

    yield query
    process.terminate()
    process.wait(20)


@pytest.mark.slow
def test_prometheus_answers_context_share_by_route(
    daemon: Daemon, prometheus: Callable[[str], list[dict[str, Any]]]
) -> None:
    tap = Tap(layers=[0, 1], heads=4, routes=["search", "chat"])
    for _ in range(5):
        daemon.send(tap.message(10))
    share = "sum by (route) (attention_context_share_{})"
    mean = f"{share.format('sum')} / {share.format('count')}"
    found = eventually(lambda: prometheus(mean))
    values = {series["metric"]["route"]: float(series["value"][1]) for series in found}
    assert set(values) == {"search", "chat"}
    assert all(0.05 < value < 0.95 for value in values.values())
    median = "histogram_quantile(0.5, sum by (le, route) (attention_context_share_bucket))"
    assert len(prometheus(median)) == 2
    assert eventually(lambda: prometheus('up{job="sidecar"} == 1'))

    def active() -> list[dict[str, Any]]:
        daemon.send(tap.status())
        return prometheus('attention_tap_state{attention_tap_state="active"} == 1')

    assert eventually(active)
