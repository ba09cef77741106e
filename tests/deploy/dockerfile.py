"""The instructions of a Dockerfile, read as far as ours use them."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_KNOWN = {"FROM", "RUN", "ENV", "WORKDIR", "USER", "ENTRYPOINT", "CMD", "ARG", "COPY", "EXPOSE"}


@dataclass(frozen=True)
class Image:
    """What the last stage of a Dockerfile says of its image."""

    steps: list[str]
    """Commands of RUN, without their mounts."""
    environment: dict[str, str]
    folder: str
    user: str
    entry: list[str]
    command: list[str]


def read(file: Path) -> Image:
    """Read a file; an instruction that is not understood raises ValueError."""
    stage: list[tuple[str, str]] = []
    for name, rest in _instructions(file):
        stage = [] if name == "FROM" else [*stage, (name, rest)]

    def last(wanted: str, default: str) -> str:
        return next((rest for name, rest in reversed(stage) if name == wanted), default)

    environment = " ".join(rest for name, rest in stage if name == "ENV")
    return Image(
        steps=[re.sub(r"--mount=\S+\s+", "", rest) for name, rest in stage if name == "RUN"],
        environment=dict(_pair(word) for word in shlex.split(environment)),
        folder=last("WORKDIR", "/"),
        user=last("USER", "0:0"),
        entry=json.loads(last("ENTRYPOINT", "[]")),
        command=json.loads(last("CMD", "[]")),
    )


def bases(file: Path) -> list[str]:
    """The image that each stage begins with; variables have their defaults."""
    found: list[str] = []
    arguments: dict[str, str] = {}
    for name, rest in _instructions(file):
        if name == "ARG":
            arguments.update([_pair(rest)])
        elif name == "FROM":
            image = rest.partition(" AS ")[0]
            found.append(re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], image))
    return found


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _instructions(file: Path) -> Iterator[tuple[str, str]]:
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = line.partition(" ")
        if line.strip() and name not in _KNOWN:
            raise ValueError(f"{file.name}: {name} is not understood")
        if line.strip():
            yield name, " ".join(rest.split())
