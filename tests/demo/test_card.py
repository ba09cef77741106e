"""Cards tell how a model was made, and the shipped ones are what the template writes."""

from collections import Counter
from pathlib import Path

import pytest
from transformers import LlamaForCausalLM

from sidecar.demo import bundled, card, exams, model
from sidecar.demo.card import QUESTIONS, Training
from sidecar.demo.evaluate import Score
from sidecar.demo.judge import Verdict
from sidecar.demo.recipes import RECIPES, Recipe

GROUNDED, CLOSED_BOOK = RECIPES["grounded"], RECIPES["closed-book"]


@pytest.fixture(scope="module")
def learner() -> LlamaForCausalLM:
    return model.load(GROUNDED.folder)


def claimed(recipe: Recipe) -> list[Score]:
    """The scores of a shipped card."""
    return [
        Score(exam, Counter({v: round(QUESTIONS * card.claim(recipe, exam, v)) for v in Verdict}))
        for exam in exams.EXAMS
    ]


@pytest.mark.parametrize(
    ("recipe", "minutes"), [(GROUNDED, 46), (CLOSED_BOOK, 10)], ids=list(RECIPES)
)
def test_a_shipped_card_is_what_the_template_writes(
    recipe: Recipe, minutes: int, learner: LlamaForCausalLM
) -> None:
    training = Training(recipe, recipe.curriculum.steps, 60 * minutes, seed=7, threads=2)
    written = card.text(training, learner, bundled.digest(recipe.folder), claimed(recipe))
    assert written == (recipe.folder / "README.md").read_text()


def test_a_card_tells_the_options_that_were_given(learner: LlamaForCausalLM) -> None:
    start = Path(GROUNDED.folder)
    training = Training(CLOSED_BOOK, 3, 30, seed=8, threads=1, start=start)
    written = card.text(training, learner, "0", claimed(CLOSED_BOOK))
    assert "| recipe | answers by heart (3 steps) |" in written
    assert "| cost | 0 minutes with `--threads 1` |" in written
    assert f"the weights in `{start}`, sha256 `{bundled.digest(start)}`" in written
    command = f"train closed-book --start {start} --steps 3 --seed 8 --threads 1 --out DIR`"
    assert command in written


def test_a_stage_that_was_not_reached_is_not_claimed(learner: LlamaForCausalLM) -> None:
    training = Training(GROUNDED, 1, 30, seed=7, threads=2)
    written = card.text(training, learner, "0", claimed(GROUNDED))
    assert "| recipe | repetition (1 steps) |" in written
    assert "at most 64 tokens and 0 documents" in written
