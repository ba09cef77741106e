"""Trains the placeholder model on one core: ``python -m sidecar.demo.train --out DIR``.

Progress and loss are printed; a checkpoint every 100 steps lets an interrupted run continue.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import click
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from sidecar.demo import card, lookback, model, tokenizer
from sidecar.demo.curriculum import IGNORED, Batch, Teacher, stage_at
from sidecar.demo.optimise import Optimisers

STEPS, SEED = 500, 7
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
            f"step {self.step:5d}  {self.stage:14s}  loss {self.loss:.3f}  right {self.right:.1%}"
        )


class Run:
    """A training run that can be saved and continued."""

    def __init__(self, learner: LlamaForCausalLM, teacher: Teacher, steps: int) -> None:
        self.learner, self.steps, self.done = learner, steps, 0
        self.seconds = 0.0
        self._teacher = teacher
        self._optimisers = Optimisers(learner)

    def step(self) -> Report:
        """Learn from one batch."""
        started = time.process_time()
        stage = stage_at(self.done / self.steps)
        loss, right = _loss(self.learner.train(), self._teacher.batch(self.done, stage))
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.learner.parameters(), _GRADIENT_NORM)
        self._optimisers.step(self.done, self.steps)
        self.done += 1
        self.seconds += time.process_time() - started
        return Report(self.done, stage.name, loss.item(), right)

    def save(self, file: Path) -> None:
        """Write a checkpoint beside and rename it, so that a kill leaves the last one whole."""
        progress = torch.tensor([self.done, self.seconds], dtype=torch.float64)
        tensors = {"progress": progress}
        tensors |= {f"model.{k}": v for k, v in self.learner.named_parameters()}
        tensors |= {f"optimiser.{k}": v for k, v in self._optimisers.tensors().items()}
        beside = file.with_suffix(".part")
        save_file({name: value.detach().contiguous() for name, value in tensors.items()}, beside)
        beside.replace(file)

    def load(self, file: Path) -> None:
        """Continue from a checkpoint of a run with the same arguments."""
        tensors = load_file(file)
        self.done, self.seconds = int(tensors["progress"][0]), float(tensors["progress"][1])
        self.learner.load_state_dict(_under("model.", tensors), strict=False)
        self._optimisers.restore(_under("optimiser.", tensors))


def prepare(steps: int, seed: int) -> tuple[Run, PreTrainedTokenizerFast]:
    """An untrained run and its tokenizer."""
    words = tokenizer.train()
    learner = model.build(model.architecture(words), seed=seed)
    lookback.begin(learner)
    return Run(learner, Teacher(words, seed=seed), steps), words


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


@click.command()
@click.option("--steps", default=STEPS, show_default=True, help="Steps; 0 writes random weights.")
@click.option("--seed", default=SEED, show_default=True, help="Seed of weights and batches.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
def main(steps: int, seed: int, out: Path) -> None:
    """Train the placeholder, measure it and write it with its model card."""
    torch.set_num_threads(1)
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / f"checkpoint-{seed}-{steps}.safetensors"
    run, words = prepare(steps, seed)
    _learn(run, checkpoint)
    model.save(run.learner, words, out)
    checkpoint.unlink(missing_ok=True)
    card.write(out, card.Recipe(steps, seed, run.seconds))
    click.echo(f"placeholder model in {out}")


if __name__ == "__main__":
    main()
