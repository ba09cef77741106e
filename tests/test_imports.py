"""The import rule: rooms do not know each other's internals, and only the tap needs an engine."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sidecar

ROOT = Path(sidecar.__file__).parent
BOTTOM = {"schema", "signals", "config", "sources", "wire"}
PUBLIC = {
    "daemon": {"sidecar.archive", "sidecar.calibration", "sidecar.drift"},
    "tap": {"sidecar.calibration"},
    "calibration": {"sidecar.archive"},
    "drift": {"sidecar.archive"},
    "grafana": {"sidecar.archive"},
}
"""What a room may use of another: the package itself, none of its modules."""
TOP = {"cli", "demo", "doctor"}
ENGINE = {"torch", "vllm", "transformers", "triton"}
ENGINE_ROOMS = {"tap", "demo"}


def imported(source: str) -> Iterator[str]:
    """Absolute names of all that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "sidecar":
            yield from (f"sidecar.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def room_of(module: str) -> str:
    """``sidecar.tap.emit`` → ``tap``."""
    return f"{module}.".split(".")[1]


def is_allowed(room: str, name: str) -> bool:
    package = name.partition(".")[0]
    if package in ENGINE:
        return room in ENGINE_ROOMS
    if package != "sidecar":
        return True
    target = room_of(name)
    reachable = BOTTOM if room in BOTTOM else BOTTOM | {room, "__version__", ""}
    return room in TOP or target in reachable or name in PUBLIC.get(room, set())


def forbidden(room: str, source: str) -> list[str]:
    return [name for name in imported(source) if not is_allowed(room, name)]


def modules() -> dict[str, Path]:
    files = {file.relative_to(ROOT.parent).with_suffix(""): file for file in ROOT.rglob("*.py")}
    return {".".join(name.parts).removesuffix(".__init__"): file for name, file in files.items()}


@pytest.mark.parametrize("module", sorted(modules()))
def test_a_module_keeps_to_its_room(module: str) -> None:
    assert forbidden(room_of(module), modules()[module].read_text()) == []


@pytest.mark.parametrize(
    ("room", "line", "broken"),
    [
        ("schema", "import sidecar.daemon.intake", True),
        ("signals", "from sidecar import schema", False),
        ("tap", "from sidecar.daemon import metrics", True),
        ("tap", "from sidecar import archive", True),
        ("tap", "import torch", False),
        ("daemon", "def lazily():\n    import torch.nn", True),
        ("daemon", "from sidecar.archive import Writer", False),
        ("daemon", "from sidecar import archive", False),
        ("daemon", "from sidecar.archive.write import Writer", True),
        ("tap", "from sidecar import calibration", False),
        ("signals", "from sidecar import calibration", True),
        ("calibration", "from sidecar.daemon.client import Client", True),
        ("daemon", "from sidecar.daemon.intake import Intake", False),
        ("drift", "from sidecar import archive", False),
        ("drift", "from sidecar.daemon import sinks", True),
        ("doctor", "import vllm", True),
        ("cli", "from sidecar.daemon import app", False),
    ],
)
def test_the_rule_sees_what_breaks_it(room: str, line: str, broken: bool) -> None:
    assert bool(forbidden(room, line)) == broken


def loaded_by(*names: str) -> set[str]:
    """Top-level packages in a fresh interpreter after importing ``names``."""
    code = f"import sys, {', '.join(names)}; print(*{{n.partition('.')[0] for n in sys.modules}})"
    return set(subprocess.check_output([sys.executable, "-c", code], text=True).split())


def test_the_daemon_side_loads_no_engine() -> None:
    outside = [name for name in modules() if room_of(name) not in ENGINE_ROOMS]
    assert "sidecar.cli" in outside
    assert not loaded_by(*(name for name in outside if not name.endswith("__main__"))) & ENGINE


def test_the_command_line_starts_without_the_libraries_of_its_commands() -> None:
    heavy = {"duckdb", "numpy", "pandas", "polars", "pyarrow", "starlette", "uvicorn", "zmq"}
    assert not loaded_by("sidecar.cli") & (ENGINE | heavy)


def test_the_tap_on_a_cpu_loads_no_triton() -> None:
    kernels = "sidecar.tap.summary.kernels"
    tap = [name for name in modules() if name.startswith("sidecar.tap.")]
    assert f"{kernels}.launch" in tap
    assert "triton" not in loaded_by(*(name for name in tap if not name.startswith(kernels)))
