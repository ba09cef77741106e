"""Generated files: written, or compared with what they should hold."""

import sys
from collections.abc import Iterable
from pathlib import Path


def keep(files: Iterable[tuple[Path, str]], arguments: list[str]) -> int:
    """Write files that are stale, or with ``--check`` only name them; the exit status."""
    stale = [(file, text) for file, text in files if not holds(file, text)]
    for file, text in stale:
        if "--check" in arguments:
            print(f"{file}: stale; `make fix` writes it anew", file=sys.stderr)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    return int(bool(stale) and "--check" in arguments)


def holds(file: Path, text: str) -> bool:
    """Whether a file is there and holds this text."""
    return file.is_file() and file.read_text() == text
