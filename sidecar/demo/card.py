"""A bundled model's card, written from what was measured on the weights that are shipped."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from transformers import LlamaConfig

from sidecar.demo import exams, memory, model, tokenizer
from sidecar.demo.bundled import WEIGHTS, digest
from sidecar.demo.curriculum import Stage
from sidecar.demo.evaluate import Score, score
from sidecar.demo.judge import Verdict
from sidecar.demo.optimise import MATRIX_RATE, VECTOR_RATE
from sidecar.demo.recipes import Recipe
from sidecar.demo.templates import ROUTES
from sidecar.demo.tokenizer import VOCABULARY

QUESTIONS = 200
_COLUMNS = (Verdict.DOCUMENT, Verdict.MEMORY, Verdict.REFUSED, Verdict.OTHER)

_CARD = """\
# The demo's model: {name}

{purpose}

It is a toy that reads the English of one invented world. It exists so that attention in the demo,
the tests and the benchmarks comes from a model that really reads its documents. Use it for nothing
else.

| | |
|---|---|
| shape | Llama, {parameters:,} parameters: {shape} |
| weights | bfloat16, trained in float32, tied embeddings |
| tokenizer | byte-level BPE, {vocabulary:,} tokens, trained on the same invented world; ChatML |
| data | sentences from templates (`sidecar/demo/templates.py`), names and values drawn at random; \
{facts} facts that are learned by heart (`sidecar/demo/memory.py`) |
| recipe | {stages} |
| start | {start} |
| steps | {steps:,}, of {sizes} tokens |
| optimisers | Muon (lr {matrix_rate}) on matrices, AdamW (lr {vector_rate}) on the rest |
| seed | {seed} |
| cost | {minutes:.0f} minutes on two processor cores |
| sha256 of `{weights}` | `{digest}` |

Made by `python -m sidecar.demo.train {name} --steps {steps} --seed {seed} --out DIR`. The same
command gives a model of the same kind; bit-identical weights need the same processor and torch.

![Loss while it was trained](loss.png)

The peaks are batches of repetition, which have a loss of their own.

## Measured

Greedy answers of the bfloat16 weights, run in float32, to {questions} questions per row. The
wording around the facts was never trained on. Names and values are drawn from the same parts as in
training, so some subjects stood in training documents too, usually with another value. *Document*:
the answer states the value of the document which answers. *Memory*: it states the one learned by
heart. Run again: `python -m sidecar.demo.evaluate DIR`.

| questions | document | memory | says that the documents do not say | something else |
|---|---|---|---|---|
{rows}

## What it cannot do

- It knows the {kinds} kinds of question in `templates.py`. Other English gives nonsense.
- The statements of facts keep the wordings of training, since a model of this size does not know
  synonyms; only what stands around them was never shown.
- *Contradicting* asks about the facts learned by heart, and training contradicted each of them as
  well. It shows that the model does as it was taught, not what it would do with knowledge that it
  was never taught to doubt.
- Prompts in training had at most {length} tokens and 10 documents; beyond, nothing was measured.
"""


class Training(Protocol):
    """What a card tells of a training run."""

    steps: int
    seconds: float
    """Wall time of the steps."""


def write(folder: Path, recipe: Recipe, run: Training, seed: int) -> Sequence[Score]:
    """Measure the model in ``folder`` and write its README.md."""
    learner, words = model.load(folder), tokenizer.load(folder)
    scores = [score(learner, words, exam, QUESTIONS) for exam in exams.EXAMS]
    text = _CARD.format(
        name=recipe.name,
        purpose=recipe.purpose,
        parameters=learner.num_parameters(),
        shape=_shape(learner.config),
        vocabulary=VOCABULARY,
        facts=len(memory.remembered()),
        start=_start(recipe),
        steps=run.steps,
        seed=seed,
        minutes=run.seconds / 60,
        digest=digest(folder),
        questions=QUESTIONS,
        weights=WEIGHTS,
        rows="\n".join(map(_row, scores)),
        kinds=sum(map(len, ROUTES.values())),
        **_recipe(recipe),
    )
    (folder / "README.md").write_text(text)
    return scores


def claim(recipe: Recipe, exam: str, verdict: Verdict) -> float:
    """The share, 0 to 1, that the shipped card states. Raises KeyError."""
    lines = (recipe.folder / "README.md").read_text().splitlines()
    shares = {cells[0]: cells[1:] for cells in (line.strip("| ").split(" | ") for line in lines)}
    return float(shares[exam][_COLUMNS.index(verdict)].rstrip("%")) / 100


def _recipe(recipe: Recipe) -> dict[str, object]:
    stages: tuple[Stage, ...] = recipe.curriculum.stages
    return {
        "stages": "; ".join(f"{stage.name} ({stage.steps:,} steps)" for stage in stages),
        "sizes": " / ".join(dict.fromkeys(f"{stage.tokens:,}" for stage in stages)),
        "length": max(stage.length for stage in stages),
        "matrix_rate": MATRIX_RATE,
        "vector_rate": VECTOR_RATE,
    }


def _shape(config: LlamaConfig) -> str:
    return (
        f"hidden {config.hidden_size}, {config.num_hidden_layers} layers, "
        f"{config.num_attention_heads} query and {config.num_key_value_heads} key heads of "
        f"{config.head_dim}"
    )


def _start(recipe: Recipe) -> str:
    if recipe.start:
        return f"the weights of `{recipe.start.name}`"
    return "random, but six heads of layer 0 look 1 to 6 tokens back (`sidecar/demo/lookback.py`)"


def _row(one: Score) -> str:
    columns = (Verdict.DOCUMENT, Verdict.MEMORY, Verdict.REFUSED, Verdict.OTHER)
    return (
        f"| {one.exam} | " + " | ".join(f"{one.share(verdict):.1%}" for verdict in columns) + " |"
    )
