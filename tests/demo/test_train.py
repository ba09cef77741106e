"""Training: reproducible batches, progress on a tiny budget, and a run that can be continued."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from transformers import PreTrainedTokenizerFast

from sidecar.demo import tokenizer, train
from sidecar.demo.bundled import MODELS, WEIGHTS
from sidecar.demo.curriculum import IGNORED, Curriculum, Stage, Teacher
from sidecar.demo.recipes import RECIPES, Recipe

TINY = Stage("tiny", 8, 512, 128, (1, 2), repetition=0.0)


@pytest.fixture(scope="module")
def words() -> PreTrainedTokenizerFast:
    return tokenizer.train(cases=200)


def test_a_batch_depends_on_seed_and_step_alone(words: PreTrainedTokenizerFast) -> None:
    first, again = (Teacher(words, seed=1).batch(5, TINY).tokens for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, Teacher(words, seed=1).batch(6, TINY).tokens)
    assert not torch.equal(first, Teacher(words, seed=2).batch(5, TINY).tokens)


def test_a_batch_has_the_shape_of_its_stage(words: PreTrainedTokenizerFast) -> None:
    batch = Teacher(words, seed=1).batch(2, TINY)
    assert batch.tokens.shape == batch.labels.shape == (4, 128)
    wanted = batch.labels != IGNORED
    assert torch.equal(batch.tokens[wanted], batch.labels[wanted])


def repetitions(words: PreTrainedTokenizerFast, *, ambiguous: float) -> Iterator[list[int]]:
    """What each row of a batch repeats."""
    stage = Stage("repetition", 8, 4096, 384, (0, 0), ambiguous=ambiguous)
    batch = Teacher(words, seed=1).batch(0, stage)
    for row, labels in zip(batch.tokens.tolist(), batch.labels.tolist(), strict=True):
        period = labels.count(IGNORED)
        assert row[period:] == row[:-period]
        yield row[:period]


def test_repetition_is_labelled_after_the_first_period(words: PreTrainedTokenizerFast) -> None:
    assert all(
        3 <= len(once) <= 21 and len(set(once)) >= len(once) - 2
        for once in repetitions(words, ambiguous=0.0)
    )


def test_ambiguous_repetition_repeats_few_tokens(words: PreTrainedTokenizerFast) -> None:
    assert all(
        len(set(once)) <= max(2, len(once) // 2) for once in repetitions(words, ambiguous=1.0)
    )


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_stages_follow_each_other_and_the_last_one_stays(recipe: Recipe) -> None:
    stages, at = recipe.curriculum.stages, recipe.curriculum.at
    assert at(0) is stages[0]
    assert at(1) is stages[-1]
    assert at(stages[0].steps / recipe.curriculum.steps + 1e-6) is stages[:2][-1]


def test_the_rate_goes_from_one_end_of_a_stage_to_the_other() -> None:
    stages = (
        Stage("first", 50, 512, 128, (1, 2)),
        Stage("second", 50, 512, 128, (1, 2), rate=(0.4, 0.2)),
    )
    rates = [Curriculum(stages).rate(progress) for progress in (0, 0.49, 0.5, 0.75, 1)]
    assert rates == pytest.approx([1, 1, 0.4, 0.3, 0.2])


def test_steps_are_divided_as_they_are_taught() -> None:
    stages = (Stage("first", 30, 512, 128, (1, 2)), Stage("second", 10, 512, 128, (1, 2)))
    curriculum = Curriculum(stages)
    assert curriculum.divided(40) == dict(zip(stages, (30, 10), strict=True))
    assert curriculum.divided(6) == dict(zip(stages, (5, 1), strict=True))
    assert curriculum.divided(1) == {stages[0]: 1}


def test_a_checkpoint_belongs_to_one_run(tmp_path: Path) -> None:
    for name in ("a", "b", "a again"):
        (tmp_path / name).mkdir()
        (tmp_path / name / WEIGHTS).write_text(name[0])
    grounded, closed_book = RECIPES["grounded"], RECIPES["closed-book"]
    runs = [
        (grounded, 400, 7, None),
        (closed_book, 400, 7, tmp_path / "a"),
        (closed_book, 400, 7, tmp_path / "b"),
        (closed_book, 400, 8, tmp_path / "a"),
        (closed_book, 300, 7, tmp_path / "a"),
    ]
    names = [train.checkpoint_name(*run) for run in runs]
    assert len(set(names)) == len(runs)
    assert train.checkpoint_name(closed_book, 400, 7, tmp_path / "a again") == names[1]


def test_no_steps_write_weights_alone_and_say_so(tmp_path: Path) -> None:
    out = tmp_path / "model"
    start = MODELS / "grounded"
    arguments = ["closed-book", "--steps", "0", "--start", str(start), "--out", str(out)]
    result = CliRunner().invoke(train.main, arguments)
    assert result.exit_code == 0, result.output
    assert "there is neither loss.png nor a card" in result.output
    assert (out / WEIGHTS).is_file()
    assert not (out / "loss.png").exists()
    assert not (out / "README.md").exists()


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (("--steps", "-1"), "'--steps': -1 is not in the range x>=0"),
        (("--threads", "0"), "'--threads': 0 is not in the range x>=1"),
        (("--start", "{tmp}"), "'{tmp}' holds no model: it has no config.json"),
        (("--out", "{tmp}/file"), "'--out': Directory '{tmp}/file' is a file"),
        (("--out", "{tmp}/file/model"), "'--out': '{tmp}/file/model' cannot be made: Not a dir"),
    ],
)
def test_what_cannot_be_trained_is_named(
    tmp_path: Path, option: tuple[str, str], told: str
) -> None:
    (tmp_path / "file").touch()
    given = [part.format(tmp=tmp_path) for part in option]
    # the last of two options of a name counts
    arguments = ["grounded", "--out", str(tmp_path / "out"), *given]
    result = CliRunner().invoke(train.main, arguments)
    assert result.exit_code == 2
    assert told.format(tmp=tmp_path) in result.output


def test_the_model_to_begin_with_is_not_overwritten() -> None:
    folder = str(RECIPES["grounded"].folder)
    result = CliRunner().invoke(train.main, ["grounded", "--start", folder, "--out", folder])
    assert result.exit_code == 2
    assert "would be overwritten" in result.output


@pytest.mark.slow
def test_training_makes_progress() -> None:
    run, _ = train.prepare(RECIPES["grounded"], 16, seed=1)
    losses = [run.step().loss for _ in range(16)]
    assert sum(losses[-4:]) / 4 < losses[0] - 0.3


@pytest.mark.slow
def test_a_continued_run_is_the_same_run(tmp_path: Path) -> None:
    straight, _ = train.prepare(RECIPES["grounded"], 4, seed=1)
    for _ in range(2):
        straight.step()
    straight.save(tmp_path / "checkpoint.safetensors")
    continued, _ = train.prepare(RECIPES["grounded"], 4, seed=2)
    continued.load(tmp_path / "checkpoint.safetensors")
    assert continued.done == 2
    continued._teacher = straight._teacher
    assert continued.step().loss == pytest.approx(straight.step().loss, abs=1e-5)
    assert continued.step().loss == pytest.approx(straight.step().loss, abs=1e-3)
