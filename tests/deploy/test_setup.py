"""When `make setup` does its work again."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tools.blocks import ROOT

SCRIPT = ROOT / "deploy/setup.sh"


def call(function: str, script: Path, path: str = os.environ["PATH"]) -> str:
    """What a function of the script prints."""
    command = ["bash", "-c", f'source <(grep -v "^main$" "$0"); {function}', str(script)]
    environment = {**os.environ, "PATH": path}
    return subprocess.check_output(command, env=environment, text=True)


@pytest.mark.parametrize("tool", ["go", "mvn"])
def test_once_a_tool_is_there_it_does(tool: str, tmp_path: Path) -> None:
    for name in ("bash", "cat", "dirname", "grep", "id", "sha256sum"):
        found = shutil.which(name)
        assert found
        (tmp_path / name).symlink_to(found)
    before = call("inputs", SCRIPT, str(tmp_path))
    assert call("inputs", SCRIPT, str(tmp_path)) == before
    (tmp_path / tool).symlink_to("/bin/true")
    assert call("inputs", SCRIPT, str(tmp_path)) != before


@pytest.mark.parametrize(("build", "remembered"), [("echo tool $0", True), ("exit 1", False)])
def test_what_could_not_be_built_is_tried_again(
    build: str, remembered: bool, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/go").symlink_to("/bin/true")
    (tmp_path / "deploy").mkdir()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    script = Path(shutil.copy(SCRIPT, tmp_path / "deploy"))
    builder = tmp_path / "bin/builder"
    builder.write_text(f"#!/bin/sh\n{build}\n")
    builder.chmod(0o755)
    path = f"{builder.parent}:{os.environ['PATH']}"
    steps = "install_built builder a-tool of-it; remember inputs"
    assert ("could be built" in call(steps, script, path)) == (not remembered)
    assert (tmp_path / ".venv/setup-stamp").exists() == remembered
