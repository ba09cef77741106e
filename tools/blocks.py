"""Generated blocks in Markdown: ``<!-- KIND:NAME -->`` … ``<!-- /KIND -->``."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"(<!-- (\w+):([\w-]+) -->\n).*?(<!-- /\2 -->)", re.DOTALL)

Produce = Callable[[str], str]
"""Name of a block → its text. Raises KeyError for a name it does not know."""


def documents(root: Path = ROOT) -> list[Path]:
    """README and docs, the files that may hold blocks."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def names(kind: str, files: list[Path]) -> set[str]:
    """Names of all blocks of a kind."""
    found = (match for file in files for match in BLOCK.finditer(file.read_text()))
    return {match[3] for match in found if match[2] == kind}


def fill(text: str, kind: str, produce: Produce) -> str:
    """The text with every block of a kind made anew."""

    def block(match: re.Match[str]) -> str:
        if match[2] != kind:
            return match[0]
        return f"{match[1]}{produce(match[3]).strip()}\n{match[4]}"

    return BLOCK.sub(block, text)


def main(kind: str, produce: Produce, arguments: list[str], files: list[Path]) -> int:
    """Write the blocks of a kind, or with ``--check`` only name the files that are stale."""
    check = "--check" in arguments
    stale = 0
    for file in files:
        text = file.read_text()
        fresh = fill(text, kind, produce)
        if fresh == text:
            continue
        stale += 1
        if check:
            print(f"{file}: {kind} are stale; `make fix` writes them anew", file=sys.stderr)
        else:
            file.write_text(fresh)
    return int(check and stale > 0)
