"""Prompts for calibration are written as the traffic asks, each with its answer."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from sidecar.demo.questions import main


def written(path: Path, *arguments: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(main, ["--out", str(path), *arguments])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_line_holds_a_chat_its_documents_and_the_answer(tmp_path: Path) -> None:
    lines = written(tmp_path / "prompts.jsonl", "--questions", "40")
    assert len(lines) == 40
    for line in lines:
        assert set(line) == {"messages", "documents", "answer"}
        system, user = line["messages"]
        assert (system["role"], user["role"]) == ("system", "user")
        assert all(one["text"] in system["content"] for one in line["documents"])
        assert sum(line["answer"] in one["text"] for one in line["documents"]) >= 1
        assert all(set(one) == {"id", "text"} for one in line["documents"])


def test_another_seed_gives_other_prompts(tmp_path: Path) -> None:
    first, again = (written(tmp_path / "a", "--questions", "5") for _ in range(2))
    other = written(tmp_path / "b", "--questions", "5", "--seed", "1")
    assert first == again
    assert not any(line in other for line in first)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--out", str(tmp_path)])
    assert result.exit_code == 2
    assert str(tmp_path) in result.output
