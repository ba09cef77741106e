"""The instructions of a Dockerfile, read as far as ours use them."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Image:
    """What the last stage of a Dockerfile says of its image."""

    base: str
    steps: list[str] = field(default_factory=list)
    """Commands of RUN, without their mounts."""
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "0:0"
    entry: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)


def read(file: Path) -> Image:
    """Read a file; an instruction that is not understood raises ValueError."""
    image = Image("")
    for name, rest in _instructions(file.read_text()):
        match name:
            case "FROM":
                image = Image(rest.partition(" AS ")[0])
            case "RUN":
                image.steps.append(re.sub(r"--mount=\S+\s+", "", rest))
            case "ENV":
                pairs = (pair.split("=", 1) for pair in shlex.split(rest))
                image.environment |= dict(pairs)
            case "WORKDIR":
                image.folder = rest
            case "USER":
                image.user = rest
            case "ENTRYPOINT":
                image.entry = json.loads(rest)
            case "CMD":
                image.command = json.loads(rest)
            case "ARG" | "COPY" | "EXPOSE":
                pass
            case _:
                raise ValueError(f"{file.name}: {name} is not understood")
    return image


def bases(file: Path) -> list[str]:
    """The image that each stage begins with; variables have their defaults."""
    found: list[str] = []
    arguments: dict[str, str] = {}
    for name, rest in _instructions(file.read_text()):
        if name == "ARG":
            arguments.update([rest.split("=", 1)])
        elif name == "FROM":
            image = rest.partition(" AS ")[0]
            found.append(re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], image))
    return found


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            yield name, " ".join(rest.split())
