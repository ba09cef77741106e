"""`attention-sidecar baseline` on a real archive."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from sidecar import archive, config, schema
from sidecar.cli import main
from sidecar.drift import load
from tests.archive import samples


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two thousand requests on one route, of one sample each."""
    folder = tmp_path_factory.mktemp("archive")
    template = samples.batch(["r"]).to_pylist()[0]
    rng = np.random.default_rng(1)
    rows = [
        template
        | dict.fromkeys(schema.SIGNAL_NAMES)
        | {
            "record_id": f"r{n}",
            "request_id": f"q{n}",
            "route": "rag",
            "time": samples.START + n * 1000,
            "grounding_score": rng.beta(8, 12),
            "context_share": rng.beta(8, 12) + 0.2 * (n % 2),
        }
        for n in range(2000)
    ]
    writer = archive.Writer(config.Archive(path=folder))
    writer.append(pa.RecordBatch.from_pylist(rows, schema=schema.RECORD))
    writer.close()
    return folder


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["baseline", *words])
    assert result.exit_code == code, result.output
    return result.output


def build(folder: Path, out: Path, *words: str, margin: str = "0.05", code: int = 0) -> str:
    return run(
        "build", "--from", str(folder), "--out", str(out), "--margin", margin, *words, code=code
    )


def test_a_baseline_is_built_shown_and_the_same_as_itself(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "baseline.json"
    told = build(folder, out, "--where", "forced = false")
    assert f"written to {out}" in told
    assert "route rag: the reference lacks hours of the day, or has them once only" in told
    assert "placeholder, route rag" in run("show", str(out))
    assert "same     placeholder, route rag, grounding_score" in run("compare", str(out), str(out))


def test_two_that_differ_are_told_apart(folder: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    build(folder, first)
    one = load(first)
    moved = [part.model_copy(update={"mean": part.mean - 0.2}) for part in one.signals]
    one.model_copy(update={"signals": tuple(moved)}).save(second)
    assert "differs  placeholder, route rag" in run("compare", str(first), str(second), code=3)


def test_what_cannot_be_compared_is_never_the_same(folder: Path, tmp_path: Path) -> None:
    whole, renamed, part = (tmp_path / f"{name}.json" for name in ("whole", "renamed", "part"))
    build(folder, whole)
    one = load(whole)
    signals = tuple(each.model_copy(update={"route": "new"}) for each in one.signals)
    one.model_copy(update={"signals": signals}).save(renamed)
    one.model_copy(update={"signals": one.signals[:1]}).save(part)
    told = run("compare", str(whole), str(renamed), code=1)
    assert "unknown  placeholder, route new, grounding_score: only in the second" in told
    assert told.endswith("Error: the two share no signal of any stream\n")
    told = run("compare", str(whole), str(part), code=1)
    assert "same     placeholder, route rag, grounding_score" in told
    assert "nothing is known of it: placeholder, route rag, context_share" in told
    assert "only in the second" in run("compare", str(part), str(whole))


def test_a_reference_that_is_too_small_writes_nothing(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "baseline.json"
    told = build(folder, out, margin="0.005", code=1)
    assert "are missing; left out" in told
    assert "nothing was written" in told
    assert not out.exists()


@pytest.mark.parametrize("where", ["nonsense = 1", "1) UNION (SELECT 1", "route = 'none'"])
def test_a_condition_that_finds_nothing_is_an_error(
    folder: Path, tmp_path: Path, where: str
) -> None:
    told = build(folder, tmp_path / "b.json", "--where", where, code=1)
    assert told.startswith("Error: ")
    assert len(told.splitlines()) == 1
