"""Untrained models: their shapes, and a folder that can be loaded again."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from sidecar.demo import model, tokenizer


@pytest.fixture(scope="module")
def words() -> PreTrainedTokenizerFast:
    return tokenizer.train(cases=200)


@pytest.mark.parametrize(("hidden", "heads", "size"), [(128, 8, 64), (640, 8, 64), (1024, 16, 64)])
def test_heads_are_grouped(
    words: PreTrainedTokenizerFast, hidden: int, heads: int, size: int
) -> None:
    config = model.architecture(words, hidden=hidden)
    shape = (config.num_attention_heads, config.num_key_value_heads, config.head_dim)
    assert shape == (heads, 4, size)


def test_a_size_that_does_not_divide_is_refused() -> None:
    wrong = CliRunner().invoke(model.main, ["--hidden", "100", "--out", "unused"])
    assert wrong.exit_code == 2
    assert "hidden is 100, must be a multiple of 128" in wrong.output


def test_a_saved_model_is_the_same_in_half_precision(
    words: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    built = model.build(model.architecture(words, layers=1), seed=3)
    model.save(built, words, tmp_path)
    loaded = LlamaForCausalLM.from_pretrained(tmp_path)
    assert loaded.dtype == torch.bfloat16
    for name, weights in built.named_parameters():
        assert torch.equal(loaded.get_parameter(name), weights.bfloat16())
    assert tokenizer.load(tmp_path).get_vocab() == words.get_vocab()


def test_equal_seeds_give_equal_weights(words: PreTrainedTokenizerFast) -> None:
    config = model.architecture(words, layers=1)
    first, again, other = (model.build(config, seed=seed) for seed in (1, 1, 2))
    weights = [one.model.embed_tokens.weight for one in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
