"""Prompts for calibration are written as the traffic asks, each with its answer."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sidecar.calibration import prompts
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
    for out in (tmp_path, tmp_path / "none" / "q.jsonl"):
        result = CliRunner().invoke(main, ["--out", str(out)])
        assert result.exit_code == 2
        assert "'--out'" in result.output
        assert str(out) in result.output


@pytest.mark.parametrize("count", ["0", "-3", "many"])
def test_a_number_of_prompts_that_is_none_is_named(tmp_path: Path, count: str) -> None:
    out = tmp_path / "q.jsonl"
    result = CliRunner().invoke(main, ["--out", str(out), "--questions", count])
    assert result.exit_code == 2
    assert f"'--questions': {count!r}" in result.output or f"{count} is not in" in result.output
    assert not out.exists()


def test_calibration_takes_what_is_written(tmp_path: Path) -> None:
    written(tmp_path / "q.jsonl", "--questions", "300")
    assert len(prompts.read(tmp_path / "q.jsonl")) == 300
