"""The file of a calibration: written whole, read back alike, and refused by field when wrong."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sidecar import calibration
from sidecar.calibration import Calibration, CalibrationError, load
from sidecar.calibration.artefact import HeadScore
from sidecar.calibration.report import lines
from sidecar.config import Heads


def made(**changes: Any) -> Calibration:
    scores = [
        HeadScore(layer=layer, head=head, score=score, low=score, high=score)
        for layer, head, score in [(4, 0, 0.0), (4, 1, 0.25), (7, 0, 0.09), (7, 1, 1.0)]
    ]
    fields: dict[str, Any] = {
        "model_name": "demo",
        "model_revision": "abc",
        "created": datetime(2026, 11, 23, tzinfo=UTC),
        "layers": (4, 7),
        "heads": 2,
        "prompts": 80,
        "right": 60,
        "samples": 900,
        "chosen": (scores[3], scores[1]),
        "scores": tuple(scores),
    }
    return Calibration(**fields | changes)


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    made().save(tmp_path / "heads.json")
    assert load(tmp_path / "heads.json") == made()
    assert [file.name for file in tmp_path.iterdir()] == ["heads.json"]


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "heads.json").mkdir()
    with pytest.raises(OSError, match=r"heads\.json"):
        made().save(tmp_path / "heads.json")
    assert [file.name for file in tmp_path.iterdir()] == ["heads.json"]


def test_it_is_of_one_model_and_revision() -> None:
    one = made()
    assert one.matches("demo", "abc")
    assert not one.matches("demo", None)
    assert not one.matches("other", "abc")
    assert one.matches("demo", "def", other_revisions=True)
    assert not one.matches("other", "abc", other_revisions=True)
    assert made(model_revision=None).matches("demo", None)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("version", 2, "version: Input should be 1, got 2"),
        ("heads", 0, "heads: Input should be greater than or equal to 1, got 0"),
        ("created", "2026-11-23T00:00:00", "created: "),
        ("chosen", [], "chosen: "),
        ("surplus", 1, "surplus: Extra inputs are not permitted, got 1"),
        ("layers", [4], "scores should have every head"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(
    tmp_path: Path, field: str, value: Any, told: str
) -> None:
    file = tmp_path / "heads.json"
    file.write_text(json.dumps(json.loads(made().model_dump_json()) | {field: value}))
    with pytest.raises(CalibrationError) as error:
        load(file)
    assert str(error.value).startswith(repr(str(file)))
    assert told in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "\udcff"])
def test_what_is_no_calibration_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "heads.json"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(CalibrationError, match=r"heads\.json"):
        load(file)


def test_a_score_that_is_not_in_the_table_is_not_chosen() -> None:
    other = HeadScore(layer=4, head=1, score=0.5, low=0.4, high=0.6)
    with pytest.raises(ValueError, match=r"chosen layer and head \(4, 1\) is not among scores"):
        made(chosen=(other,))
    with pytest.raises(ValueError, match="chosen names a head twice"):
        made(chosen=made().chosen * 2)


def test_settings_name_files(tmp_path: Path) -> None:
    made().save(tmp_path / "a.json")
    made(model_name="other").save(tmp_path / "b.json")
    paths = [tmp_path / "b.json", tmp_path / "a.json"]
    found = calibration.heads(Heads(calibrations=paths, other_revisions=True))
    assert [one.model_name for one in found] == ["other", "demo"]
    assert found[1].chosen == ((7, 1), (4, 1))
    assert all(one.any_revision for one in found)
    with pytest.raises(CalibrationError, match=r"^heads.calibrations: .*none.json.* No such file"):
        calibration.heads(Heads(calibrations=[tmp_path / "none.json"]))


def test_it_is_shown_as_a_table_and_a_map() -> None:
    shown = list(lines(made()))
    assert "demo, revision abc, 2026-11-23 00:00 UTC" in shown
    assert "    7     1  1.000  1.000 to 1.000" in shown
    assert shown[-2:] == ["    4  · 2*", "    7  · 9*"]
