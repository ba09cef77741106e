"""A bundled model's card, written from what was measured on the weights that are shipped."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers import LlamaConfig, LlamaForCausalLM

from sidecar.demo import exams, memory, model, tokenizer
from sidecar.demo.bundled import WEIGHTS, digest
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
| cost | {minutes:.0f} minutes with `--threads {threads}` |
| sha256 of `{weights}` | `{digest}` |

Made by `python -m sidecar.demo.train {command} --out DIR`. The same
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
- Prompts in training had at most {length} tokens and {documents} documents; beyond, nothing was \
measured.
"""


@dataclass(frozen=True)
class Training:
    """What a card tells of a training run of one or more steps."""

    recipe: Recipe
    steps: int
    seconds: float
    """Wall time of the steps."""
    seed: int
    threads: int
    start: Path | None = None
    """Folder of the model it began with, where that was not the recipe's."""


def write(folder: Path, training: Training) -> Sequence[Score]:
    """Measure the model in ``folder`` and write its README.md."""
    learner, words = model.load(folder), tokenizer.load(folder)
    scores = [score(learner, words, exam, QUESTIONS) for exam in exams.EXAMS]
    (folder / "README.md").write_text(text(training, learner, digest(folder), scores))
    return scores


def text(
    training: Training, learner: LlamaForCausalLM, weights_digest: str, scores: Sequence[Score]
) -> str:
    """The card of a trained model, `QUESTIONS` asked in each exam."""
    recipe = training.recipe
    return _CARD.format(
        name=recipe.name,
        purpose=recipe.purpose,
        parameters=learner.num_parameters(),
        shape=_shape(learner.config),
        vocabulary=VOCABULARY,
        facts=len(memory.remembered()),
        start=_start(training),
        steps=training.steps,
        seed=training.seed,
        threads=training.threads,
        command=_command(training),
        minutes=training.seconds / 60,
        digest=weights_digest,
        questions=QUESTIONS,
        weights=WEIGHTS,
        rows="\n".join(map(_row, scores)),
        kinds=sum(map(len, ROUTES.values())),
        **_recipe(training),
    )


def claim(recipe: Recipe, exam: str, verdict: Verdict) -> float:
    """The share, 0 to 1, that the shipped card states. Raises KeyError."""
    lines = (recipe.folder / "README.md").read_text().splitlines()
    shares = {cells[0]: cells[1:] for cells in (line.strip("| ").split(" | ") for line in lines)}
    return float(shares[exam][_COLUMNS.index(verdict)].rstrip("%")) / 100


def _recipe(training: Training) -> dict[str, object]:
    stages = training.recipe.curriculum.divided(training.steps)
    return {
        "stages": "; ".join(f"{stage.name} ({steps:,} steps)" for stage, steps in stages.items()),
        "sizes": " / ".join(dict.fromkeys(f"{stage.tokens:,}" for stage in stages)),
        "length": max(stage.length for stage in stages),
        "documents": max(stage.documents[1] for stage in stages),
        "matrix_rate": MATRIX_RATE,
        "vector_rate": VECTOR_RATE,
    }


def _shape(config: LlamaConfig) -> str:
    return (
        f"hidden {config.hidden_size}, {config.num_hidden_layers} layers, "
        f"{config.num_attention_heads} query and {config.num_key_value_heads} key heads of "
        f"{config.head_dim}"
    )


def _command(training: Training) -> str:
    start = f"--start {shlex.quote(str(training.start))} " if training.start else ""
    return (
        f"{training.recipe.name} {start}--steps {training.steps} --seed {training.seed} "
        f"--threads {training.threads}"
    )


def _start(training: Training) -> str:
    if training.start:
        return f"the weights in `{training.start}`, sha256 `{digest(training.start)}`"
    if training.recipe.start:
        return f"the weights of `{training.recipe.start.name}`"
    return "random, but six heads of layer 0 look 1 to 6 tokens back (`sidecar/demo/lookback.py`)"


def _row(one: Score) -> str:
    return (
        f"| {one.exam} | " + " | ".join(f"{one.share(verdict):.1%}" for verdict in _COLUMNS) + " |"
    )
