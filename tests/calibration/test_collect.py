"""What a calibration can know before it asks, it says before."""

import os
from pathlib import Path

import pytest

from sidecar.calibration.asking import Server
from sidecar.calibration.collect import collect
from sidecar.calibration.command import Undecided, run
from sidecar.calibration.daemon import DaemonFailed
from tests.calibration.engine import write_prompts
from tests.calibration.test_daemon import Running

NOBODY = "http://127.0.0.1:9"


class Untouched(Running):
    """A daemon whose settings must not be changed."""

    def change_sampling(self, fields: object) -> dict[str, object]:
        pytest.fail("settings were changed first")


def gather(folder: Path) -> None:
    collect(Server(NOBODY, "demo"), Untouched(), folder, [], print)


def test_an_archive_that_is_not_there_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("none", "file"):
        with pytest.raises(DaemonFailed, match=rf"no archive at .*{name}.*; --archive should name"):
            gather(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_archive_of_somebody_else_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    try:
        with pytest.raises(DaemonFailed, match=r"Permission denied.*readable from here"):
            gather(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_too_few_prompts_are_told_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(Undecided, match=r"has 49 prompts, and at least 50 .* nothing was asked"):
        run(
            Untouched(),
            url=NOBODY,
            model="demo",
            prompts=write_prompts(tmp_path / "p.jsonl", 49),
            out=tmp_path / "heads.json",
            path=tmp_path,
            most=8,
            max_tokens=8,
            concurrency=1,
            api_key=None,
            tell=print,
        )
