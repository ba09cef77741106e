"""The command line as a whole: it explains itself and never answers a mistake with a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

import sidecar
from sidecar import cli
from tools.reference import walk

COMMANDS = [path.split()[1:] for path, _ in walk(cli.main, "attention-sidecar")]


def run(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    command = Path(sys.executable).with_name("attention-sidecar")
    return subprocess.run(
        [command, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", **environ},
    )


def test_the_installed_command_tells_its_version() -> None:
    assert run("--version").stdout == f"attention-sidecar, version {sidecar.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_explains_itself(command: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main.main([*command, "--help"], prog_name="attention-sidecar")
    assert ended.value.code == 0


def test_an_unknown_command_is_told() -> None:
    result = run("docter")
    assert result.returncode == 2
    assert "No such command 'docter'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "environ", "told"),
    [
        (["daemon"], {"ATTENTION_HTTP__PORT": "x"}, "Error: http.port: should be a valid integer"),
        (["daemon"], {"ATTENTION_HTP__PORT": "1"}, "did you mean ATTENTION_HTTP__PORT?"),
        (["daemon", "--set", "http.prt=1"], {}, "http.prt: unknown setting; did you mean"),
        (["daemon", "--config", "none.toml"], {}, "'none.toml' does not exist"),
        (["doctor"], {"ATTENTION_SAMPLING__RATE": "2"}, "Error: sampling.rate: "),
        (["status", "--url", "http://127.0.0.1:9"], {}, "no daemon answers at http://127.0.0.1:9"),
    ],
)
def test_a_mistake_is_told_in_a_line(
    arguments: list[str], environ: dict[str, str], told: str
) -> None:
    result = run(*arguments, **environ)
    assert result.returncode == 1
    assert told in result.stderr
    assert "Traceback" not in result.stderr
