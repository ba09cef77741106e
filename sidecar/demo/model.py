"""The demo's Llama-shaped model, untrained: the small one and a wide one for benchmarks.

``python -m sidecar.demo.model --hidden 1024 --layers 8 --out DIR`` writes a folder for vLLM.
"""

from pathlib import Path
from typing import Any

import click
import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from sidecar.demo import tokenizer as tokenizers
from sidecar.demo.bundled import WEIGHTS

HIDDEN, LAYERS, KEY_VALUE_HEADS, MAX_POSITIONS = 128, 4, 4, 8192
_HEAD_SIZE, _FEWEST_HEADS, _SIZE_STEP = 64, 8, 128
_ROPE_THETA = 1e6
"""With the usual 10,000 most of a head's dimensions turn within the length of a prompt, and too few
are left to tell one name from another wherever it stands."""
_EMBEDDING_SCALE = 5
"""Tied embeddings as small as the other matrices cannot predict anything with confidence, and the
first hundred steps would be spent on making them larger."""


def architecture(
    tokenizer: PreTrainedTokenizerFast, *, hidden: int = HIDDEN, layers: int = LAYERS
) -> LlamaConfig:
    """Grouped-query Llama with heads of 64, 8 of them or as many as ``hidden`` holds.

    Raises ValueError when ``hidden`` is no multiple of 128.
    """
    if hidden <= 0 or hidden % _SIZE_STEP:
        raise ValueError(f"hidden is {hidden}, must be a multiple of {_SIZE_STEP}")
    groups = hidden // (_HEAD_SIZE * KEY_VALUE_HEADS)
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=max(_FEWEST_HEADS, groups * KEY_VALUE_HEADS),
        num_key_value_heads=KEY_VALUE_HEADS,
        head_dim=_HEAD_SIZE,
        max_position_embeddings=MAX_POSITIONS,
        rope_parameters={"rope_type": "default", "rope_theta": _ROPE_THETA},
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


class Folder(click.Path):
    """An argument that names a folder with a saved model."""

    def __init__(self) -> None:
        super().__init__(exists=True, file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Fails naming what the folder lacks."""
        folder = Path(super().convert(value, param, ctx))  # type: ignore[arg-type]
        for name in ("config.json", WEIGHTS, "tokenizer.json"):
            if not (folder / name).is_file():
                self.fail(f"{str(folder)!r} holds no model: it has no {name}.", param, ctx)
        return folder


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
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write.",
)
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
