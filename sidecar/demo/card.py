"""The placeholder's model card, written from what was measured on the weights that are shipped."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import LlamaForCausalLM

from sidecar.demo import tokenizer
from sidecar.demo.curriculum import STAGES
from sidecar.demo.evaluate import Score, score
from sidecar.demo.optimise import MATRIX_RATE, VECTOR_RATE
from sidecar.demo.templates import ROUTES
from sidecar.demo.tokenizer import VOCABULARY

WEIGHTS = "model.safetensors"
_QUESTIONS, _DOCUMENT_COUNTS = 200, (3, 5, 8)

_CARD = """\
# Placeholder model of the demo

**A placeholder.** It exists so that the demo has a real model with real attention to look at, until
a better one is trained. Use it for nothing else.

| | |
|---|---|
| shape | Llama, {parameters:,} parameters: hidden 128, 4 layers, 8 query and 4 key heads of 32 |
| weights | bfloat16, trained in float32, tied embeddings |
| tokenizer | byte-level BPE, {vocabulary:,} tokens, trained on the same invented world; ChatML |
| data | sentences from templates (`sidecar/demo/templates.py`), names and values drawn at random |
| recipe | {stages} |
| start | random, but four heads of layer 0 look 1 to 4 tokens back (`sidecar/demo/lookback.py`) |
| batch | {sizes} tokens a step, {steps:,} steps |
| optimisers | Muon (lr {matrix_rate}) on matrices, AdamW (lr {vector_rate}) on the rest |
| seed | {seed} |
| cost | {minutes:.0f} minutes of one CPU core |
| sha256 of `{weights}` | `{digest}` |

Made by `python -m sidecar.demo.train --steps {steps} --seed {seed} --out DIR`. The same
command gives a model of the same kind; bit-identical weights need the same processor and torch.

## Measured

Greedy answers of the bfloat16 weights, run in float32, to {questions} questions per row, with names
and facts never trained on.

| documents | right value | another document's value | gold sentence, letter by letter |
|---|---|---|---|
{rows}

## What it cannot do

- It knows nothing: it copies a sentence from the documents of its prompt, and only for the
  {kinds} kinds of question in `templates.py`. Other English gives nonsense.
- It often copies from the wrong document (third column), mostly one about the same thing or the
  same question: it has not learned well to match both at once.
- It does not refuse: it was never shown a question that no document answers.
- Prompts in training had at most 384 tokens and 8 documents; beyond that nothing was measured.
- It always cites; it never answers from memory. What attention looks like when a model ignores its
  documents cannot be seen on it.
"""


@dataclass(frozen=True)
class Recipe:
    """How a model was trained."""

    steps: int
    seed: int
    seconds: float
    """Processor time spent in training steps."""


def digest(folder: Path) -> str:
    """SHA-256 of the weights in ``folder``, hexadecimal."""
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def write(folder: Path, recipe: Recipe) -> Sequence[Score]:
    """Measure the model in ``folder`` and write its README.md."""
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    words = tokenizer.load(folder)
    scores = [score(model, words, documents=n, questions=_QUESTIONS) for n in _DOCUMENT_COUNTS]
    text = _render(recipe, scores, model.num_parameters(), digest(folder))
    (folder / "README.md").write_text(text)
    return scores


def _render(recipe: Recipe, scores: Sequence[Score], parameters: int, digest: str) -> str:
    kinds = sum(map(len, ROUTES.values()))
    return _CARD.format(
        parameters=parameters,
        vocabulary=VOCABULARY,
        stages="; ".join(f"{stage.share:.0%} {stage.name}" for stage in STAGES),
        sizes=" / ".join(f"{stage.tokens:,}" for stage in STAGES),
        steps=recipe.steps,
        seed=recipe.seed,
        minutes=recipe.seconds / 60,
        matrix_rate=MATRIX_RATE,
        vector_rate=VECTOR_RATE,
        questions=_QUESTIONS,
        weights=WEIGHTS,
        digest=digest,
        rows="\n".join(map(_row, scores)),
        kinds=kinds,
    )


def _row(score: Score) -> str:
    shares = (score.right_value, score.other_value, score.verbatim)
    return f"| {score.documents} | " + " | ".join(f"{share:.1%}" for share in shares) + " |"
