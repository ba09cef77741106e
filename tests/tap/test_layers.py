import re

import pytest
import torch

from sidecar.config import Heads
from sidecar.tap.engines.base import Layer
from sidecar.tap.layers import UnknownLayer, alike, choose, of_calibration
from sidecar.tap.summary.naive import Scoring
from tests.calibration.test_artefact import made


@pytest.mark.parametrize(
    ("setting", "depth", "expected"),
    [
        ("auto", 3, [0, 1, 2]),
        ("auto", 8, [2, 4, 5, 7]),
        ("auto", 80, [26, 44, 61, 79]),
        ("all", 3, [0, 1, 2]),
        ("every:4", 10, [0, 4, 8]),
        ([3, 1, 3], 4, [1, 3]),
    ],
)
def test_choice(setting, depth, expected):
    assert choose(setting, range(depth)) == expected


def test_layers_of_another_kind_are_not_chosen():
    assert choose("every:2", [1, 3, 5, 7]) == [1, 5]


def test_an_unknown_layer_is_named():
    with pytest.raises(UnknownLayer, match=r"no layers \[9\], the model has \[0, 1\]"):
        choose([0, 9], range(2))


def test_auto_takes_the_layers_of_calibrated_heads():
    assert choose("auto", range(32), calibrated=[9, 4]) == [4, 9]
    assert choose("all", range(3), calibrated=[1]) == [0, 1, 2]


def layer(index, heads):
    return Layer(f"layer.{index}", index, None, heads, 2, 64, torch.float32, Scoring(scale=1.0))


def test_layers_of_another_shape_are_left_out_and_named():
    chosen = [layer(1, heads=4), layer(3, heads=8), layer(5, heads=4), layer(7, heads=8)]
    kept, told = alike(chosen)
    assert [one.index for one in kept] == [1, 5]
    assert told == "layers [3, 7] are left out: they differ in shape from 1"
    assert alike(kept) == (kept, "")


@pytest.fixture
def settings(tmp_path):
    made().save(tmp_path / "heads.json")
    return Heads(calibrations=[tmp_path / "heads.json"])


def test_the_calibration_of_model_and_revision_is_taken(settings):
    available = dict.fromkeys(range(12), 2)
    assert of_calibration(settings, "demo", "abc", available) == ([4, 7], "")
    loose = settings.model_copy(update={"other_revisions": True})
    assert of_calibration(loose, "demo", "def", available) == ([4, 7], "")


def test_without_calibrations_there_is_nothing_to_complain_about():
    assert of_calibration(Heads(), "demo", None, {0: 2}) == ([], "")


@pytest.mark.parametrize(
    ("model", "revision", "available", "told"),
    [
        ("demo", None, {4: 2, 7: 2}, "has none for model 'demo', revision None"),
        ("other", "abc", {4: 2, 7: 2}, "has none for model 'other'"),
        ("demo", "abc", {4: 2}, r"has 2 heads in layers \[4, 7\], the model's layers have {4: 2}"),
        ("demo", "abc", {4: 2, 7: 8}, "the model's layers have {4: 2, 7: 8}"),
    ],
)
def test_what_does_not_fit_leaves_the_usual_layers_and_says_so(
    settings, model, revision, available, told
):
    layers, complaint = of_calibration(settings, model, revision, available)
    assert layers == []
    assert re.search(f"^usual layers: heads.calibrations .*{told}", complaint)


def test_a_bad_file_leaves_the_usual_layers_and_says_so(tmp_path):
    layers, complaint = of_calibration(Heads(calibrations=[tmp_path / "none.json"]), "m", None, {})
    assert layers == []
    assert "none.json" in complaint
