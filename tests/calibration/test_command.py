"""`heads calibrate` against a real daemon and archive, and an engine with planted heads."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sidecar.calibration import load
from sidecar.demo.readings import scrape
from tests.calibration.engine import (
    COPYING,
    HEADS,
    LAYERS,
    Engine,
    serving,
    write_prompts,
)
from tests.daemon.test_service import COMMAND, Daemon, command
from tests.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def daemon(tmp_path: Path, free_port: int) -> Iterator[Daemon]:
    started = Daemon(tmp_path, free_port, "sampling.stride=7", "archive.roll_seconds=3600")
    yield started
    started.stop()


@pytest.fixture
def engine(daemon: Daemon) -> Iterator[Engine]:
    with serving() as running:
        yield running


class Calibrate:
    """The command, with a file of prompts."""

    def __init__(self, engine: Engine, daemon: Daemon, folder: Path) -> None:
        self.out = folder / "heads.json"
        self._folder = folder
        self._fixed = ["--url", engine.url, "--model", "demo", "--daemon", daemon.url]

    def arguments(self, prompts: int, *options: str) -> list[str]:
        file = write_prompts(self._folder / "prompts.jsonl", prompts)
        return [
            *("heads", "calibrate", "--prompts", str(file), "--out", str(self.out)),
            *(*self._fixed, *options),
        ]

    def __call__(self, prompts: int, *options: str) -> "subprocess.CompletedProcess[str]":
        return command(*self.arguments(prompts, *options))


@pytest.fixture
def calibrate(engine: Engine, daemon: Daemon, tmp_path: Path) -> Calibrate:
    return Calibrate(engine, daemon, tmp_path)


def uncalibrated(url: str) -> set[float]:
    """Samples without calibrated heads, as counted for each reason."""
    counted = scrape(url).values["attention_sidecar_uncalibrated_samples_total"]
    return {value for _, value in counted}


def stride(daemon: Daemon) -> int:
    return int(httpx.get(f"{daemon.url}/v1/sampling").json()["stride"])


def test_planted_heads_are_found_and_settings_put_back(
    calibrate: Calibrate, daemon: Daemon, engine: Engine
) -> None:
    before = httpx.get(f"{daemon.url}/v1/sampling").json()
    done = calibrate(80)
    assert done.returncode == 0, done.stderr
    assert "left out 20 of 80 prompts: wrong answer" in done.stderr
    found = load(calibrate.out)
    assert [head.place for head in found.chosen] == list(COPYING)
    assert (found.model_name, found.model_revision) == ("demo", "r1")
    assert (found.layers, found.heads) == (tuple(range(LAYERS)), HEADS)
    assert (found.prompts, found.right, found.samples) == (80, 60, 180)
    assert httpx.get(f"{daemon.url}/v1/sampling").json() == before
    during = [settings for settings in engine.announced if settings.stride == 1]
    assert {(one.layers, one.budget_ms_per_s, one.rate) for one in during} == {("all", 0, 0.1)}
    shown = command("heads", "show", str(calibrate.out))
    assert "    1     2  1.000  1.000 to 1.000" in shown.stdout


def test_too_few_right_answers_have_an_exit_code_of_their_own(calibrate: Calibrate) -> None:
    done = calibrate(60)
    assert done.returncode == 3
    assert "Error: 45 prompts were answered right and measured, 5 more" in done.stderr
    assert not calibrate.out.exists()


def test_too_few_prompts_are_told_before_any_is_asked(calibrate: Calibrate, daemon: Daemon) -> None:
    done = calibrate(49)
    assert done.returncode == 3
    assert "has 49 prompts, and at least 50 have to be answered right" in done.stderr
    assert daemon.intake()["samples_received_total"] == 0


def test_an_archive_that_is_none_is_told_before_anything_is_asked(
    calibrate: Calibrate, daemon: Daemon, tmp_path: Path
) -> None:
    done = calibrate(60, "--archive", str(tmp_path / "none"))
    assert done.returncode == 1
    assert f"no archive at '{tmp_path}/none'" in done.stderr
    assert "asked" not in done.stderr
    assert daemon.intake()["samples_received_total"] == 0


def test_a_killed_calibration_is_told_by_the_next_one(calibrate: Calibrate, daemon: Daemon) -> None:
    process = subprocess.Popen([*COMMAND, *calibrate.arguments(4_000)], stderr=subprocess.DEVNULL)
    eventually(lambda: daemon.intake()["samples_received_total"] > 10)
    process.kill()
    process.wait()
    done = calibrate(60)
    assert done.returncode == 1
    advice = "attention-sidecar sampling set --stride 7 --layers auto --budget-ms 20"
    assert done.stderr.strip().endswith(advice)
    again = command(*advice.split()[1:], "--url", daemon.url)
    assert again.returncode == 0, again.stderr
    assert stride(daemon) == 7


def test_a_server_that_fails_is_given_up_soon(
    calibrate: Calibrate, daemon: Daemon, engine: Engine
) -> None:
    engine.status = 500
    done = calibrate(200)
    assert done.returncode == 1
    assert '500 {"error": "out of order"}' in done.stderr
    assert stride(daemon) == 7
    nobody = calibrate(60, "--url", "http://127.0.0.1:9")
    assert nobody.returncode == 1
    assert "Error: no answer from http://127.0.0.1:9/v1/chat/completions: Connect" in nobody.stderr
    assert "Traceback" not in nobody.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_puts_the_settings_back(
    calibrate: Calibrate, daemon: Daemon, engine: Engine, number: int
) -> None:
    process = subprocess.Popen(
        [*COMMAND, *calibrate.arguments(4_000)], stderr=subprocess.PIPE, text=True
    )
    eventually(lambda: daemon.intake()["samples_received_total"] > 10)
    assert stride(daemon) == 1
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in told
    assert stride(daemon) == 7
    assert not calibrate.out.exists()


def test_without_a_daemon_it_says_so(engine: Engine, tmp_path: Path, free_port: int) -> None:
    file = write_prompts(tmp_path / "p.jsonl", 60)
    arguments = ["--prompts", str(file), "--out", str(tmp_path / "o"), "--url", engine.url]
    daemon = ["--model", "demo", "--daemon", f"http://127.0.0.1:{free_port + 1}"]
    done = command("heads", "calibrate", *arguments, *daemon)
    assert done.returncode == 1
    assert "no daemon answers" in done.stderr


def test_the_archive_is_flushed_by_a_command(daemon: Daemon, engine: Engine) -> None:
    body = {"attention": {"tags": {"prompt": "1"}}}
    httpx.post(f"{engine.url}/v1/chat/completions", json=body).raise_for_status()
    eventually(lambda: daemon.has(3, taken_by="archive"))
    assert not list(daemon.archive.glob("date=*/hour=*/*.parquet"))
    flush = command("archive", "flush", "--url", daemon.url)
    assert flush.returncode == 0, flush.stderr
    assert daemon.archived() == (3, 3)
    assert httpx.post(f"{daemon.url}/v1/archive/flush").status_code == 401


def test_a_daemon_with_the_calibration_measures_its_heads(
    calibrate: Calibrate, daemon: Daemon, engine: Engine, tmp_path: Path, free_port: int
) -> None:
    assert calibrate(80).returncode == 0
    daemon.stop()
    setting = f'heads.calibrations=["{calibrate.out}"]'
    again = Daemon(tmp_path, int(daemon.url.rpartition(":")[2]), setting)
    try:
        body = {"attention": {"tags": {"prompt": "1"}}}
        httpx.post(f"{engine.url}/v1/chat/completions", json=body).raise_for_status()
        eventually(lambda: again.has(3))
        page = httpx.get(f"{again.url}/metrics").text
        assert (
            'attention_retrieval_rate_sum{engine="0",model_name="demo",route="search"} 1.0' in page
        )
        assert "attention_grounding_score_bucket" in page
        assert uncalibrated(again.url) == {0}
    finally:
        again.stop()


def test_a_bad_file_is_told_at_the_start_of_the_daemon(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"version": 2}')
    setting = f'heads.calibrations=["{tmp_path}/bad.json"]'
    done = command("daemon", "--set", setting, "--set", "http.port=0")
    assert done.returncode == 1
    assert f"heads.calibrations: '{tmp_path}/bad.json': version: " in done.stderr
    assert "Traceback" not in done.stderr
