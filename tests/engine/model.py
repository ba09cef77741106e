"""A small random model whose attention is peaked enough to tell right from wrong."""

from pathlib import Path

import torch
from transformers import LlamaForCausalLM

from sidecar.demo import model, tokenizer

_SHARPER = 6.0
"""Random queries and keys give nearly uniform weights, which would hide mistakes."""

_QUIETER = 8.0
"""Tied embeddings that dominate would make the model repeat its last token for ever."""


def write(folder: Path, *, seed: int = 7, sharper: float = _SHARPER) -> Path:
    """Save it with the demo's tokenizer; 4 layers of 8 query heads over 4 key heads of 64."""
    tokens = tokenizer.train()
    network = model.build(model.architecture(tokens), seed=seed)
    with torch.no_grad():
        network.model.embed_tokens.weight.div_(_QUIETER)
        for layer in network.model.layers:
            layer.self_attn.o_proj.weight.mul_(_SHARPER)
            layer.self_attn.q_proj.weight.mul_(sharper)
            layer.self_attn.k_proj.weight.mul_(sharper)
    model.save(network, tokens, folder)
    return folder


def reference(folder: Path) -> LlamaForCausalLM:
    """The same weights in eager float32 PyTorch."""
    loaded = LlamaForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    )
    return loaded.eval()


@torch.inference_mode()
def weights(network: LlamaForCausalLM, tokens: list[int]) -> torch.Tensor:
    """Attention of every position, ``[layers, heads, queries, keys]`` float32."""
    attentions = network(torch.tensor([tokens]), output_attentions=True).attentions
    return torch.stack([layer[0] for layer in attentions])
