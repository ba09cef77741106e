"""The pages about deploying name files that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "docs/deploy" / f"{name}.md" for name in ("images", "compose", "systemd", "plain")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_files_that_are_there(page: Path) -> None:
    named = set(re.findall(r"\b(?:deploy|tests|dashboards)/[\w./-]*[\w]", page.read_text()))
    assert len(named) >= 2
    written_there = {"deploy/compose/.env"}
    assert [name for name in named - written_there if not (ROOT / name).exists()] == []


def test_the_page_shows_what_the_stack_prints() -> None:
    printed = (ROOT / "deploy/compose/addresses.txt").read_text().splitlines()
    page = (ROOT / "docs/deploy/compose.md").read_text()
    shown = re.findall(r"(?m)^addresses-1  \| ?(.*)$", page)
    assert shown
    assert shown == printed[1 : 1 + len(shown)]
