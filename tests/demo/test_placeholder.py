"""The shipped placeholder is the one its card describes, and it can be served."""

import re

import pytest
import torch
from transformers import LlamaForCausalLM

from sidecar.demo import card, evaluate, model, tokenizer
from sidecar.demo.layout import PLACEHOLDER
from sidecar.demo.world import World

README = (PLACEHOLDER / "README.md").read_text()


@pytest.fixture(scope="module")
def placeholder() -> LlamaForCausalLM:
    return LlamaForCausalLM.from_pretrained(PLACEHOLDER, dtype=torch.float32)


def test_the_weights_are_those_of_the_card() -> None:
    assert card.digest(PLACEHOLDER) in README


def test_the_card_calls_it_a_placeholder() -> None:
    assert "placeholder" in README.splitlines()[0].lower()


def test_the_weights_are_small_enough_to_ship() -> None:
    assert (PLACEHOLDER / card.WEIGHTS).stat().st_size < 4_000_000


def test_it_has_the_shape_of_the_code(placeholder: LlamaForCausalLM) -> None:
    words = tokenizer.load(PLACEHOLDER)
    wanted = model.architecture(words)
    for name in ("hidden_size", "num_hidden_layers", "num_key_value_heads", "head_dim"):
        assert getattr(placeholder.config, name) == getattr(wanted, name)
    assert placeholder.config.vocab_size == len(words) == tokenizer.VOCABULARY
    assert all(torch.isfinite(one).all() for one in placeholder.parameters())


def test_its_tokenizer_is_the_one_of_the_code() -> None:
    assert tokenizer.load(PLACEHOLDER).get_vocab() == tokenizer.train().get_vocab()


@pytest.mark.slow
def test_it_answers_about_as_well_as_its_card_says(placeholder: LlamaForCausalLM) -> None:
    rows = re.findall(r"^\| 3 \| ([\d.]+)%", README, re.MULTILINE)
    claimed = float(rows[0]) / 100
    words = tokenizer.load(PLACEHOLDER)
    measured = evaluate.score(placeholder, words, documents=3, questions=100).right_value
    assert measured == pytest.approx(claimed, abs=0.12)


def test_a_prompt_is_what_the_chat_template_renders() -> None:
    words = tokenizer.load(PLACEHOLDER)
    case = World(2).case()
    rendered = words.apply_chat_template(
        [{"role": "user", "content": case.question}],
        documents=[{"text": document.text} for document in case.documents],
        tokenize=False,
        add_generation_prompt=True,
    )
    assert rendered == evaluate.prompt(case)
