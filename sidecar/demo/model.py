"""The demo's Llama-shaped model, untrained: the small one and a wide one for benchmarks.

``python -m sidecar.demo.model --hidden 1024 --layers 8 --out DIR`` writes a folder for vLLM.
"""

from pathlib import Path

import click
import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from sidecar.demo import tokenizer as tokenizers

HIDDEN, LAYERS, KEY_VALUE_HEADS, MAX_POSITIONS = 128, 4, 4, 8192
_SMALL_HEAD, _WIDE_HEAD, _WIDE_FROM = 32, 64, 512
_FEWEST_HEADS = 8
_EMBEDDING_SCALE = 5
"""Tied embeddings as small as the other matrices cannot predict anything with confidence, and the
first hundred steps would be spent on making them larger."""


def architecture(
    tokenizer: PreTrainedTokenizerFast, *, hidden: int = HIDDEN, layers: int = LAYERS
) -> LlamaConfig:
    """Grouped-query Llama with at least 8 heads of 32, or of 64 from a hidden size of 512 up.

    Raises ValueError when ``hidden`` does not divide into groups of 4 key/value heads.
    """
    head = _SMALL_HEAD if hidden < _WIDE_FROM else _WIDE_HEAD
    if hidden <= 0 or hidden % (head * KEY_VALUE_HEADS):
        raise ValueError(f"hidden is {hidden}, must be a multiple of {head * KEY_VALUE_HEADS}")
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=max(_FEWEST_HEADS, hidden // head),
        num_key_value_heads=KEY_VALUE_HEADS,
        head_dim=head,
        max_position_embeddings=MAX_POSITIONS,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def build(config: LlamaConfig, *, seed: int) -> LlamaForCausalLM:
    """A model with random float32 weights drawn from ``seed``."""
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.model.embed_tokens.weight.mul_(_EMBEDDING_SCALE)
    return model


def load(folder: Path) -> LlamaForCausalLM:
    """Read a saved model in float32."""
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write what `vllm serve` needs: bfloat16 safetensors, configuration and tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    transformers.utils.logging.disable_progress_bar()
    half = LlamaForCausalLM(model.config).to(torch.bfloat16)
    half.load_state_dict(model.state_dict())
    half.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@click.command()
@click.option("--hidden", default=HIDDEN, show_default=True, help="Hidden size.")
@click.option("--layers", default=LAYERS, show_default=True, help="Number of layers.")
@click.option("--seed", default=0, show_default=True, help="Seed of the random weights.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
def main(hidden: int, layers: int, seed: int, out: Path) -> None:
    """Write a servable model with random weights."""
    tokenizer = tokenizers.train()
    try:
        config = architecture(tokenizer, hidden=hidden, layers=layers)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--hidden") from None
    model = build(config, seed=seed)
    save(model, tokenizer, out)
    click.echo(f"{sum(p.numel() for p in model.parameters()):,} random parameters in {out}")


if __name__ == "__main__":
    main()
