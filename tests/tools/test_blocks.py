"""Generated blocks: only those of a kind change, and a check writes nothing."""

from pathlib import Path

import pytest

from tools import blocks

TEXT = """# Title
<!-- figures:one -->
old
<!-- /figures -->
between
<!-- reference:one -->
kept
<!-- /reference -->
<!-- figures:two -->
<!-- /figures -->
"""


def test_blocks_of_one_kind_are_made_anew() -> None:
    filled = blocks.fill(TEXT, "figures", "new {}".format)
    assert filled == TEXT.replace("old", "new one").replace(
        "<!-- figures:two -->", "<!-- figures:two -->\nnew two"
    )
    assert blocks.fill(filled, "figures", "new {}".format) == filled


def test_a_check_tells_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "README.md"
    file.write_text(TEXT)
    assert blocks.main("figures", str.upper, ["--check"], [file]) == 1
    assert file.read_text() == TEXT
    assert str(file) in capsys.readouterr().err
    assert blocks.main("figures", str.upper, [], [file]) == 0
    assert "ONE" in file.read_text()
    assert blocks.main("figures", str.upper, ["--check"], [file]) == 0
