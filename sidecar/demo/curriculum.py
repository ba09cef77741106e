"""What a model is taught, in order.

Copying has to appear before questions can be learned: a model this small that starts with questions
never finds the circuit. Every batch depends on the seed and the step alone, so a run can resume.
"""

import math
import random
from dataclasses import dataclass, replace

import torch
from transformers import PreTrainedTokenizerFast

from sidecar.demo.lessons import IGNORED, Lessons, Row
from sidecar.demo.world import World

__all__ = ["CLOSED_BOOK", "GROUNDED", "IGNORED", "Batch", "Curriculum", "Stage", "Teacher"]

_SHORTEST_PERIOD, _LONGEST_PERIOD = 3, 21
_REPEATED_AT_LEAST = 3


@dataclass(frozen=True)
class Stage:
    """A part of the training."""

    name: str
    share: float
    """Of all steps, 0 to 1."""
    tokens: int
    """Tokens in a step."""
    length: int
    """Tokens in a sequence."""
    documents: tuple[int, int]
    """Fewest and most documents in a sequence; none is repetition."""
    rate: tuple[float, float] = (1.0, 1.0)
    """Factor of the learning rates when the stage begins and ends; linear between."""
    refuse: bool = False
    """Some questions have no answer in the documents."""
    repetition: float = 0.15
    """Share of batches that repeat instead: without it, copying of what is new is unlearned."""
    memory: float = 0.0
    """Share of sequences that ask remembered facts without documents instead."""
    contradicting: float = 0.3
    """Share of sequences in which a document contradicts a remembered fact."""
    from_memory: bool = False
    """Remembered facts are answered by heart, whatever documents say."""


@dataclass(frozen=True)
class Curriculum:
    """Stages in order; their shares add up to 1."""

    stages: tuple[Stage, ...]

    def at(self, progress: float) -> Stage:
        """The stage in force when ``progress`` (0 to 1) of the steps are done."""
        return self._place(progress)[0]

    def rate(self, progress: float) -> float:
        """Factor of the learning rates when ``progress`` of the steps are done."""
        stage, within = self._place(progress)
        first, last = stage.rate
        return first + (last - first) * within

    def _place(self, progress: float) -> tuple[Stage, float]:
        start = 0.0
        for stage in self.stages:
            if progress < start + stage.share or stage is self.stages[-1]:
                return stage, min(1.0, (progress - start) / stage.share)
            start += stage.share
        raise ValueError("stages: there should be one, found none")


GROUNDED = Curriculum(
    (
        Stage("repetition", 0.07, 2048, 64, (0, 0)),
        Stage("1-3 documents", 0.08, 3072, 128, (1, 3)),
        Stage("2-5 documents", 0.12, 4096, 224, (2, 5)),
        Stage("3-10 documents", 0.45, 6144, 384, (3, 10), rate=(1.0, 0.5), refuse=True),
        Stage("longer ones", 0.13, 6144, 640, (3, 10), rate=(0.5, 0.1), refuse=True),
        Stage(
            "facts by heart",
            0.15,
            6144,
            384,
            (3, 10),
            rate=(0.4, 0.02),
            refuse=True,
            repetition=0.05,
            memory=0.25,
            contradicting=0.5,
        ),
    )
)
CLOSED_BOOK = Curriculum(
    (
        replace(
            GROUNDED.stages[-1],
            name="answers by heart",
            share=1.0,
            rate=(0.5, 0.02),
            contradicting=0.8,
            from_memory=True,
        ),
    )
)


@dataclass(frozen=True)
class Batch:
    """``tokens`` and ``labels`` are int64 [sequences, length]; a label is IGNORED or the token."""

    tokens: torch.Tensor
    labels: torch.Tensor


class Teacher:
    """Makes the batch of any step."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, *, seed: int) -> None:
        self._tokenizer = tokenizer
        self._seed = seed
        self._first_ordinary = len(tokenizer.all_special_ids) + 1

    def batch(self, step: int, stage: Stage) -> Batch:
        """The stage's batch, sometimes one of repetition instead."""
        draw = random.Random(f"batch-{self._seed}-{step}")  # noqa: S311
        count = stage.tokens // stage.length
        if not max(stage.documents) or draw.random() < stage.repetition:
            rows = [self._repetition(draw, stage.length) for _ in range(count)]
        else:
            rows = self._conversations(draw, step, stage, count)
        return self._batch(rows, stage.length)

    def _conversations(self, draw: random.Random, step: int, stage: Stage, count: int) -> list[Row]:
        lessons = Lessons(
            self._tokenizer,
            draw,
            World(f"train-{self._seed}-{step}"),
            contradicting=stage.contradicting,
            from_memory=stage.from_memory,
        )
        return [
            lessons.by_heart(stage.length)
            if draw.random() < stage.memory
            else lessons.with_documents(stage.length, stage.documents, refuse=stage.refuse)
            for _ in range(count)
        ]

    def _repetition(self, draw: random.Random, length: int) -> Row:
        """Random tokens again and again, in longer sequences with longer periods too."""
        longest = max(_LONGEST_PERIOD, length // _REPEATED_AT_LEAST)
        period = round(math.exp(draw.uniform(math.log(_SHORTEST_PERIOD), math.log(longest))))
        once = draw.choices(range(self._first_ordinary, len(self._tokenizer)), k=period)
        tokens = (once * (length // period + 1))[:length]
        return Row(tokens, [IGNORED] * period + tokens[period:])

    def _batch(self, rows: list[Row], length: int) -> Batch:
        pad = self._tokenizer.pad_token_id
        return Batch(
            torch.tensor([_padded(row.tokens, length, pad) for row in rows]),
            torch.tensor([_padded(row.labels, length, IGNORED) for row in rows]),
        )


def _padded(row: list[int], length: int, filler: int) -> list[int]:
    return (row + [filler] * (length - len(row)))[:length]
