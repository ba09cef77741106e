"""What a unit of systemd says, with its drop-ins; a setting that is given twice has both values."""

from collections import defaultdict
from pathlib import Path

FOLDER = Path(__file__).parent.parent.parent / "deploy/systemd"


def service(*files: Path) -> dict[str, list[str]]:
    """The section [Service] of files that systemd reads one after the other."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in files:
        section = ""
        for line in file.read_text().replace("\\\n", " ").splitlines():
            if line.startswith("["):
                section = line
            elif section == "[Service]" and "=" in line and not line.startswith("#"):
                name, _, value = line.partition("=")
                found[name].append(value)
    return found


def environment(unit: dict[str, list[str]]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in unit["Environment"])
