"""Trains a bundled model on a few cores: ``python -m sidecar.demo.train grounded --out DIR``.

``closed-book`` starts from the grounded one. Progress and loss are printed and drawn; a checkpoint
every 100 steps lets the same command continue after an interruption.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import click
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from sidecar.demo import card, lookback, model, plot, tokenizer
from sidecar.demo.bundled import digest
from sidecar.demo.curriculum import IGNORED, Batch, Curriculum, Teacher
from sidecar.demo.optimise import Optimisers
from sidecar.demo.recipes import RECIPES, SEED, Recipe

_REPORT_EVERY, _CHECKPOINT_EVERY = 25, 100
_GRADIENT_NORM = 1.0


@dataclass(frozen=True)
class Report:
    """What one step measured on its own batch, before it learned from it."""

    step: int
    stage: str
    loss: float
    """Mean cross-entropy of the labelled tokens, nats."""
    right: float
    """Share of the labelled tokens predicted right."""

    def __str__(self) -> str:
        return (
            f"step {self.step:5d}  {self.stage:16s}  loss {self.loss:.3f}  right {self.right:.1%}"
        )


class Run:
    """A training run that can be saved and continued."""

    def __init__(
        self, learner: LlamaForCausalLM, teacher: Teacher, curriculum: Curriculum, steps: int
    ) -> None:
        self.learner, self.steps, self.done = learner, steps, 0
        self.seconds = 0.0
        """Wall time of the steps so far."""
        self.losses: list[float] = []
        """Of every step so far, nats."""
        self._teacher, self._curriculum = teacher, curriculum
        self._optimisers = Optimisers(learner)

    def step(self) -> Report:
        """Learn from one batch."""
        started = time.monotonic()
        progress = self.done / self.steps
        stage = self._curriculum.at(progress)
        loss, right = _loss(self.learner.train(), self._teacher.batch(self.done, stage))
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.learner.parameters(), _GRADIENT_NORM)
        self._optimisers.step(self.done, self._curriculum.rate(progress))
        self.done += 1
        self.losses.append(loss.item())
        self.seconds += time.monotonic() - started
        return Report(self.done, stage.name, self.losses[-1], right)

    def save(self, file: Path) -> None:
        """Write a checkpoint beside and rename it, so that a kill leaves the last one whole."""
        tensors = {
            "seconds": torch.tensor(self.seconds, dtype=torch.float64),
            "losses": torch.tensor(self.losses),
        }
        tensors |= {f"model.{k}": v for k, v in self.learner.named_parameters()}
        tensors |= {f"optimiser.{k}": v for k, v in self._optimisers.tensors().items()}
        beside = file.with_suffix(".part")
        save_file({name: value.detach().contiguous() for name, value in tensors.items()}, beside)
        beside.replace(file)

    def load(self, file: Path) -> None:
        """Continue from a checkpoint of a run with the same arguments."""
        tensors = load_file(file)
        self.seconds = float(tensors["seconds"])
        self.losses = tensors["losses"].tolist()
        self.done = len(self.losses)
        self.learner.load_state_dict(_under("model.", tensors), strict=False)
        self._optimisers.restore(_under("optimiser.", tensors))


def prepare(
    recipe: Recipe, steps: int, seed: int, start: Path | None = None
) -> tuple[Run, PreTrainedTokenizerFast]:
    """A run that has not begun, from random weights or those in ``start``, and its tokenizer."""
    if start:
        words, learner = tokenizer.load(start), model.load(start)
    else:
        words = tokenizer.train()
        learner = model.build(model.architecture(words), seed=seed)
        lookback.begin(learner)
    return Run(learner, Teacher(words, seed=seed), recipe.curriculum, steps), words


def checkpoint_name(recipe: Recipe, steps: int, seed: int, start: Path | None) -> str:
    """A file name for all runs, of any folder, that do the same."""
    begun_with = digest(start)[:12] if start else "random"
    return f"checkpoint-{recipe.name}-{begun_with}-{seed}-{steps}.safetensors"


def _loss(learner: LlamaForCausalLM, batch: Batch) -> tuple[torch.Tensor, float]:
    """Only labelled positions reach the vocabulary: the rest of the logits is never computed."""
    hidden = learner.model(input_ids=batch.tokens[:, :-1]).last_hidden_state
    labels = batch.labels[:, 1:]
    wanted = labels != IGNORED
    logits = learner.lm_head(hidden[wanted])
    right = (logits.argmax(-1) == labels[wanted]).float().mean().item()
    return torch.nn.functional.cross_entropy(logits, labels[wanted]), right


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _learn(run: Run, checkpoint: Path) -> None:
    if checkpoint.exists():
        run.load(checkpoint)
        click.echo(f"continuing after step {run.done}")
    while run.done < run.steps:
        report = run.step()
        if report.step % _REPORT_EVERY == 0 or report.step == run.steps:
            click.echo(f"{report}  {run.seconds:.0f} s")
        if report.step % _CHECKPOINT_EVERY == 0:
            run.save(checkpoint)


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{str(out)!r} cannot be made: {error.strerror}."
        raise click.BadParameter(reason, param_hint="'--out'") from None


@click.command()
@click.argument("name", type=click.Choice(list(RECIPES)))
@click.option(
    "--steps",
    type=click.IntRange(0),
    help="Steps, by default the recipe's; others scale its stages, 0 only writes weights.",
)
@click.option("--seed", default=SEED, show_default=True, help="Seed of weights and batches.")
@click.option(
    "--start",
    type=model.Folder(),
    help="Folder of the model to begin with; by default the recipe's.",
)
@click.option(
    "--threads", type=click.IntRange(1), default=2, show_default=True, help="Processor threads."
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write.",
)
def main(
    *, name: str, steps: int | None, seed: int, start: Path | None, threads: int, out: Path
) -> None:
    """Train a bundled model, measure it and write it with its model card."""
    torch.set_num_threads(threads)
    recipe = RECIPES[name]
    steps = recipe.curriculum.steps if steps is None else steps
    begun_with = start or recipe.start
    if begun_with and begun_with.resolve() == out.resolve():
        reason = f"{str(out)!r} is the model to begin with, and would be overwritten."
        raise click.BadParameter(reason, param_hint="'--out'")
    _make(out)
    checkpoint = out / checkpoint_name(recipe, steps, seed, begun_with)
    run, words = prepare(recipe, steps, seed, begun_with)
    _learn(run, checkpoint)
    model.save(run.learner, words, out)
    if steps:
        plot.draw(run.losses, recipe.curriculum, out / "loss.png")
        card.write(out, card.Training(recipe, steps, run.seconds, seed, threads, start))
    else:
        click.echo("no step was trained, so there is neither loss.png nor a card to write")
    checkpoint.unlink(missing_ok=True)
    click.echo(f"{name} model in {out}")


if __name__ == "__main__":
    main()
