"""A model sits exams: what cannot be evaluated is named."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from sidecar.demo.bundled import MODELS
from sidecar.demo.evaluate import main


@pytest.mark.parametrize("count", ["0", "-1"])
def test_a_number_of_questions_that_is_none_is_named(count: str) -> None:
    result = CliRunner().invoke(main, [str(MODELS / "grounded"), "--questions", count])
    assert result.exit_code == 2
    assert f"'--questions': {count} is not in the range x>=1" in result.output


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, [str(tmp_path)])
    assert result.exit_code == 2
    assert f"{str(tmp_path)!r} holds no model: it has no config.json" in result.output
