"""The file of a baseline: written whole, read back alike, refused by field when wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from sidecar.drift import BaselineError, load
from tests.drift.kit import baseline


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    baseline().save(tmp_path / "baseline.json")
    assert load(tmp_path / "baseline.json") == baseline()
    assert [file.name for file in tmp_path.iterdir()] == ["baseline.json"]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("version", 2, "version: Input should be 1, got 2"),
        ("margin", 0, "margin: Input should be greater than 0, got 0"),
        ("margin", 1e-6, "margin should be at least the interval"),
        ("signals", [], "signals: "),
        ("surplus", 1, "surplus: Extra inputs are not permitted, got 1"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(
    tmp_path: Path, field: str, value: Any, told: str
) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps(json.loads(baseline().model_dump_json()) | {field: value}))
    with pytest.raises(BaselineError) as error:
        load(file)
    assert str(error.value).startswith(repr(str(file)))
    assert told in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match=r"none.json' cannot be read: No such file"):
        load(tmp_path / "none.json")
