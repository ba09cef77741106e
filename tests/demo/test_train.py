"""Training: reproducible batches, progress on a tiny budget, and a run that can be continued."""

from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from sidecar.demo import tokenizer, train
from sidecar.demo.curriculum import IGNORED, REPETITION, STAGES, Stage, Teacher, stage_at
from sidecar.demo.optimise import schedule

TINY = Stage("tiny", 1.0, 512, 128, (1, 2))


@pytest.fixture(scope="module")
def words() -> PreTrainedTokenizerFast:
    return tokenizer.train(cases=200)


def test_a_batch_depends_on_seed_and_step_alone(words: PreTrainedTokenizerFast) -> None:
    first, again = (Teacher(words, seed=1).batch(5, TINY).tokens for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, Teacher(words, seed=1).batch(6, TINY).tokens)
    assert not torch.equal(first, Teacher(words, seed=2).batch(5, TINY).tokens)


def test_only_answers_are_labelled(words: PreTrainedTokenizerFast) -> None:
    batch = Teacher(words, seed=1).batch(2, TINY)
    assert batch.tokens.shape == batch.labels.shape == (4, 128)
    wanted = batch.labels != IGNORED
    assert torch.equal(batch.tokens[wanted], batch.labels[wanted])
    answers = words.decode(batch.labels[0][wanted[0]])
    assert answers.endswith("<|im_end|>\n")
    assert "user" not in answers


def test_repetition_is_labelled_after_the_first_period(words: PreTrainedTokenizerFast) -> None:
    batch = Teacher(words, seed=1).batch(0, REPETITION)
    for row, labels in zip(batch.tokens.tolist(), batch.labels.tolist(), strict=True):
        period = labels.count(IGNORED)
        assert row[period:] == row[:-period]


def test_stages_follow_each_other_and_the_last_one_stays() -> None:
    assert sum(stage.share for stage in STAGES) == pytest.approx(1)
    assert stage_at(0) is STAGES[0]
    assert stage_at(STAGES[0].share + 1e-6) is STAGES[1]
    assert stage_at(1) is STAGES[-1]


def test_the_rate_warms_up_and_decays() -> None:
    factors = [schedule(done, 1000) for done in range(1000)]
    assert factors[0] < factors[15] < factors[60] == 1
    assert factors[700] > factors[999] > 0


@pytest.mark.slow
def test_training_makes_progress() -> None:
    run, _ = train.prepare(16, seed=1)
    losses = [run.step().loss for _ in range(16)]
    assert sum(losses[-4:]) / 4 < losses[0] - 0.3


@pytest.mark.slow
def test_a_continued_run_is_the_same_run(tmp_path: Path) -> None:
    straight, _ = train.prepare(4, seed=1)
    for _ in range(2):
        straight.step()
    straight.save(tmp_path / "checkpoint.safetensors")
    continued, _ = train.prepare(4, seed=2)
    continued.load(tmp_path / "checkpoint.safetensors")
    assert continued.done == 2
    continued._teacher = straight._teacher
    assert continued.step().loss == pytest.approx(straight.step().loss, abs=1e-5)
    assert continued.step().loss == pytest.approx(straight.step().loss, abs=1e-3)
