"""What is committed works elsewhere: it names no package registry and no path of one machine."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
REGISTRIES = r"pypi[.]org|pythonhosted[.]|registry[.]npmjs|download[.]pytorch"
PLACES = r"(?<![\w.$}-])/([w]ork|[r]oot|opt/[w]heels)\b"
ELSEWHERE = re.compile(f"({REGISTRIES})|({PLACES})")


def tracked(git: Path) -> list[Path]:
    listing = subprocess.check_output([git, "-C", ROOT, "ls-files", "-z"], text=True)
    return [ROOT / name for name in listing.split("\0") if (ROOT / name).is_file()]


def test_no_file_names_a_registry_or_a_machines_path(requires: Callable[[str], Path]) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for file in tracked(requires("git"))
        if file.suffix not in (".safetensors", ".parquet", ".png")
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1)
        if ELSEWHERE.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("line", ["cd /{}oot/x", "see https://pypi{}org/a", "in /opt/{}heels"])
def test_the_rule_sees_what_breaks_it(line: str) -> None:
    hidden = {"cd": "r", "se": ".", "in": "w"}[line[:2]]
    assert ELSEWHERE.search(line.format(hidden))
    assert not ELSEWHERE.search(line)
