"""The shipped models are the ones their cards describe, and they can be served."""

import pytest
import torch

from sidecar.calibration import artefact
from sidecar.demo import bundled, card, evaluate, exams, layout, model, tokenizer
from sidecar.demo.judge import Verdict
from sidecar.demo.recipes import RECIPES, SEED, Recipe
from sidecar.demo.world import World

shipped = pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))


def card_of(recipe: Recipe) -> str:
    return (recipe.folder / "README.md").read_text()


@shipped
def test_the_weights_are_those_of_the_card(recipe: Recipe) -> None:
    assert bundled.digest(recipe.folder) in card_of(recipe)
    assert f"| seed | {SEED} |" in card_of(recipe)
    assert (recipe.folder / bundled.WEIGHTS).stat().st_size < 8_000_000
    assert (recipe.folder / "loss.png").is_file()


@shipped
def test_the_model_has_the_shape_and_tokens_of_the_code(recipe: Recipe) -> None:
    words, learner = tokenizer.load(recipe.folder), model.load(recipe.folder)
    wanted = model.architecture(words)
    for name in ("hidden_size", "num_hidden_layers", "num_key_value_heads", "head_dim"):
        assert getattr(learner.config, name) == getattr(wanted, name)
    assert learner.config.vocab_size == len(words) == tokenizer.VOCABULARY
    assert all(torch.isfinite(one).all() for one in learner.parameters())
    assert words.get_vocab() == tokenizer.train().get_vocab()


def test_the_shipped_heads_are_those_of_the_shipped_weights() -> None:
    found = artefact.load(RECIPES["grounded"].folder / "heads.json")
    assert found.model_revision == layout.revision("grounded")
    assert found.indices().layers


@pytest.mark.slow
@shipped
@pytest.mark.parametrize("exam", ["3 documents", "contradicting"])
def test_a_model_does_as_well_as_its_card_says(recipe: Recipe, exam: str) -> None:
    """The card's own questions: another processor may tip a few answers, not many."""
    learner, words = model.load(recipe.folder), tokenizer.load(recipe.folder)
    measured = evaluate.score(learner, words, exam, card.QUESTIONS).share(Verdict.DOCUMENT)
    assert measured == pytest.approx(card.claim(recipe, exam, Verdict.DOCUMENT), abs=0.015)


def test_the_cards_exams_are_those_of_the_code() -> None:
    for recipe in RECIPES.values():
        assert all(f"| {exam} |" in card_of(recipe) for exam in exams.EXAMS)


@shipped
def test_a_prompt_is_what_the_chat_template_renders(recipe: Recipe) -> None:
    words = tokenizer.load(recipe.folder)
    case = World(2).case()
    rendered = words.apply_chat_template(
        [{"role": "user", "content": case.question}],
        documents=[{"text": document.text} for document in case.documents],
        tokenize=False,
        add_generation_prompt=True,
    )
    assert rendered == evaluate.prompt(case)
