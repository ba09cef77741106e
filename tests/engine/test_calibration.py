"""Calibrated heads of a real model: found through vLLM, tap, daemon and archive, and then used."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.calibration import load
from sidecar.config import Heads, Sampling
from sidecar.demo.bundled import MODELS
from sidecar.demo.prompts import system_prompt
from sidecar.demo.world import World
from tests.calibration.test_artefact import made
from tests.calibration.test_command import uncalibrated
from tests.engine import server
from tests.engine.test_numbers import prompt
from tests.waiting import eventually

PROMPTS = 120


def write_prompts(file: Path) -> Path:
    """Questions of the demo's world, with three documents each."""
    world = World("calibration")
    lines = []
    for _ in range(PROMPTS):
        case = world.case(documents=3)
        documents = [{"id": one.id, "text": one.text} for one in case.documents]
        messages = [
            {"role": "system", "content": system_prompt([one["text"] for one in documents])},
            {"role": "user", "content": case.question},
        ]
        lines.append({"messages": messages, "documents": documents, "answer": case.fact.value})
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return file


@pytest.mark.slow
def test_heads_of_the_demo_model_are_found_and_measured(tmp_path):
    out = tmp_path / "heads.json"
    with server.serve(MODELS / "grounded", tmp_path, "--max-model-len", "4096") as served:
        with server.daemon(served, tmp_path, ATTENTION_SAMPLING__STRIDE="4") as running:
            arguments = ["--url", served.url, "--model", "demo", "--daemon", running.url]
            files = ["--prompts", str(write_prompts(tmp_path / "p.jsonl")), "--out", str(out)]
            command = Path(sys.executable).with_name("attention-sidecar")
            done = subprocess.run(
                [str(command), "heads", "calibrate", *arguments, *files],
                check=False,
                capture_output=True,
                text=True,
                env={"ATTENTION_HTTP__TOKEN": running.token},
                timeout=400,
            )
            assert done.returncode == 0, done.stderr
            assert running.status()["sampling"]["stride"] == 4
        found = load(out)
        assert found.model_name == "demo"
        assert found.heads * len(found.layers) == len(found.scores)
        assert 1 <= len(found.chosen) <= len(found.scores) // 8
        assert "no sample of" not in done.stderr
        files_setting = {"ATTENTION_HEADS__CALIBRATIONS": json.dumps([str(out)])}
        layers = json.dumps(sorted({head.layer for head in found.chosen}))
        with server.daemon(
            served, tmp_path, **files_setting, ATTENTION_SAMPLING__LAYERS=layers
        ) as running:
            eventually(lambda: any(t["sampling"]["rate"] == 1 for t in running.status()["taps"]))
            ask_one(served)
            eventually(lambda: "attention_grounding_score_sum" in running.metrics())
            assert uncalibrated(running.url) == {0}


def ask_one(served):
    case = World("one more").case(documents=3)
    documents = [{"id": one.id, "text": one.text} for one in case.documents]
    system = system_prompt([one["text"] for one in documents])
    served.client.chat.completions.create(
        model="demo",
        messages=[
            {"role": "system", "content": system},
            {"role": "user", "content": case.question},
        ],
        max_tokens=16,
        extra_body={"attention": {"documents": documents}},
    )


@pytest.fixture
def rearmed(engine):
    """Lets the tap learn its layers again under other settings, and puts them back."""
    tap, before = engine.tap, engine.tap.settings

    def rearm(**heads):
        tap.settings = before.model_copy(update={"heads": Heads(**heads)})
        tap.arm(tap.adapter)
        engine.listen(layers="auto")
        engine.generate([prompt(30, 1)], 1)
        return [sample.values["layers"] for sample in engine.samples][-1]

    yield rearm
    tap.settings = before
    tap.arm(tap.adapter)


def calibrated(engine, file, **changes):
    """A calibration of the running model's heads 1 of layers 1 and 3."""
    identity = engine.tap.identity
    every = [(layer, head) for layer in range(4) for head in range(8)]
    scores = [
        {"layer": layer, "head": head, "score": 0.5, "low": 0.4, "high": 0.6}
        for layer, head in every
    ]
    chosen = [one for one in scores if one["head"] == 1 and one["layer"] in (1, 3)]
    shape = {"layers": range(4), "heads": 8, "scores": scores, "chosen": chosen}
    model = {"model_name": identity.model_name, "model_revision": identity.model_revision}
    fields = made().model_dump() | shape | model | changes
    type(made()).model_validate(fields).save(file)
    return file


def test_auto_layers_are_those_of_the_calibrated_heads(engine, rearmed, tmp_path):
    file = calibrated(engine, tmp_path / "heads.json")
    assert rearmed(calibrations=[file]) == [1, 3]
    assert engine.tap.complaint == ""
    engine.listen(layers="all")
    engine.generate([prompt(30, 1)], 1)
    assert engine.samples[-1].values["layers"] == [0, 1, 2, 3]


def test_a_calibration_of_another_revision_is_used_only_when_asked_for(engine, rearmed, tmp_path):
    file = calibrated(engine, tmp_path / "heads.json", model_revision="another")
    assert rearmed(calibrations=[file]) == [0, 1, 2, 3]
    assert "heads.calibrations has none for model" in engine.tap.complaint
    assert rearmed(calibrations=[file], other_revisions=True) == [1, 3]


def test_a_file_that_cannot_be_read_stops_nothing(engine, rearmed, tmp_path):
    assert rearmed(calibrations=[tmp_path / "none.json"]) == [0, 1, 2, 3]
    assert "none.json" in engine.tap.complaint
    assert not engine.tap.blind
    engine.tap.apply(Sampling(layers=[2]))
    engine.generate([prompt(30, 1)], 1)
    assert engine.tap.complaint == ""
