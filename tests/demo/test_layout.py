"""The folder of a run: its archive is the demo's own, and no other demo is in it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.demo.layout import prepared
from sidecar.demo.processes import DemoError
from tests.conftest import Requires


def test_a_run_has_a_private_runtime_folder_and_two_ports(tmp_path: Path) -> None:
    with prepared(tmp_path / "new" / "run") as made:
        assert made.folder.is_dir()
        assert made.engine_port != made.daemon_port
        assert made.runtime.stat().st_mode & 0o077 == 0
    assert not made.runtime.exists()
    assert made.folder.is_dir()


def test_a_prometheus_finds_daemon_and_engine_in_its_file(
    tmp_path: Path, requires: Requires
) -> None:
    with prepared(tmp_path) as made:
        command = [str(requires("promtool")), "check", "config", str(made.prometheus_file)]
        subprocess.run(command, check=True)
        found = json.loads(made.prometheus_file.read_text())
    jobs = {one["job_name"]: one["static_configs"] for one in found["scrape_configs"]}
    assert jobs == {
        "sidecar": [{"targets": [made.daemon_url.removeprefix("http://")]}],
        "vllm": [{"targets": [made.engine_url.removeprefix("http://")]}],
    }


def test_a_run_replaces_the_last_one_s_archive_and_nothing_else(tmp_path: Path) -> None:
    with prepared(tmp_path) as first:
        first.archive.mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    assert first.archive.exists()
    with prepared(tmp_path) as second:
        assert not second.archive.exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_archive_that_no_demo_made_is_kept(tmp_path: Path) -> None:
    samples = tmp_path / "archive" / "samples.parquet"
    samples.parent.mkdir()
    samples.touch()
    refused = pytest.raises(DemoError, match=r"archive' was not made by a demo.*another --folder")
    with refused, prepared(tmp_path):
        pytest.fail("the archive would be gone")
    assert samples.exists()
    assert [file.name for file in tmp_path.iterdir()] == ["archive"]


def test_a_folder_in_which_a_demo_runs_is_refused(tmp_path: Path) -> None:
    with prepared(tmp_path) as first:
        first.archive.mkdir()
        refused = pytest.raises(DemoError, match=r"another demo runs in .* give another --folder")
        with refused, prepared(tmp_path):
            pytest.fail("two demos, one archive")
        assert first.archive.exists()
    with prepared(tmp_path):
        pass


def test_a_demo_that_was_killed_leaves_its_folder_free(tmp_path: Path) -> None:
    dying = "import os, sys; from pathlib import Path; from sidecar.demo.layout import prepared\n"
    dying += "with prepared(Path(sys.argv[1])): print(os.getpid(), flush=True); os.abort()"
    done = subprocess.run(
        [sys.executable, "-c", dying, str(tmp_path)], capture_output=True, check=False
    )
    assert done.stdout
    with prepared(tmp_path) as made:
        assert made.folder == tmp_path
