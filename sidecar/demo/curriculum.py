"""What a model is taught, in order.

Copying has to appear before questions can be learned: a model this small that starts with questions
never finds the circuit. Then sequences that repeat few tokens teach to match several at once, since
a document is the right one only if entity and attribute both match. Every batch depends on the seed
and the step alone, so a run can resume.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerFast

from sidecar.demo.lessons import IGNORED, Lessons, Row
from sidecar.demo.wording import SEEN, with_nonsense
from sidecar.demo.world import RELATED_RATE, World

__all__ = ["CLOSED_BOOK", "GROUNDED", "IGNORED", "Batch", "Curriculum", "Stage", "Teacher"]

_REPETITION_LENGTH = 64
_SHORTEST_PERIOD, _LONGEST_PERIOD = 3, 21
_FEWEST_TOKENS = 2


@dataclass(frozen=True)
class Stage:
    """A part of the training."""

    name: str
    steps: int
    """How many, where the recipe is not scaled."""
    tokens: int
    """Tokens in a step."""
    length: int
    """Tokens in a sequence."""
    documents: tuple[int, int]
    """Fewest and most documents in a sequence; none is repetition."""
    rate: tuple[float, float] = (1.0, 1.0)
    """Factor of the learning rates when the stage begins and ends; linear between."""
    refused: float = 0.0
    """Questions without an answer in the documents, for each with one."""
    repetition: float = 0.15
    """Share of batches that repeat instead: without it, copying of what is new is unlearned."""
    ambiguous: float = 0.7
    """Share of repetitions in which one token does not tell the next, but several do."""
    related: float = RELATED_RATE
    """Share of documents drawn to be confused with another of the same sequence."""
    memory: float = 0.0
    """Share of sequences that ask remembered facts without documents instead."""
    contradicting: float = 0.3
    """Share of sequences in which documents contradict remembered facts."""
    contradicted: tuple[int, int] = (1, 1)
    """Fewest and most of those documents."""
    from_memory: bool = False
    """Remembered facts are answered by heart, whatever documents say."""


@dataclass(frozen=True)
class Curriculum:
    """Stages in order."""

    stages: tuple[Stage, ...]

    @property
    def steps(self) -> int:
        """Of all stages."""
        return sum(stage.steps for stage in self.stages)

    def at(self, progress: float) -> Stage:
        """The stage in force when ``progress`` (0 to 1) of the steps are done."""
        return self._place(progress)[0]

    def divided(self, steps: int) -> dict[Stage, int]:
        """How many of ``steps`` fall in each stage; those that get none are left out."""
        return dict(Counter(self.at(done / steps) for done in range(steps)))

    def rate(self, progress: float) -> float:
        """Factor of the learning rates when ``progress`` of the steps are done."""
        stage, within = self._place(progress)
        first, last = stage.rate
        return first + (last - first) * within

    def _place(self, progress: float) -> tuple[Stage, float]:
        done = progress * self.steps
        for stage in self.stages[:-1]:
            if done < stage.steps:
                return stage, done / stage.steps
            done -= stage.steps
        return self.stages[-1], min(1.0, done / self.stages[-1].steps)


GROUNDED = Curriculum(
    (
        Stage("repetition", 168, 2048, 64, (0, 0), ambiguous=0.0),
        Stage("ambiguous ones", 192, 2048, 64, (0, 0)),
        Stage("1-3 documents", 168, 3072, 128, (1, 3), rate=(0.6, 0.6)),
        Stage("2-5 documents", 240, 4096, 224, (2, 5), rate=(0.6, 0.6)),
        Stage("3-10 documents", 816, 6144, 384, (3, 10), rate=(0.6, 0.25), refused=0.15),
        Stage(
            "confusable ones",
            600,
            6144,
            576,
            (3, 10),
            rate=(0.25, 0.1),
            refused=0.15,
            repetition=0.1,
            related=0.8,
        ),
        Stage(
            "facts by heart",
            416,
            6144,
            448,
            (3, 10),
            rate=(0.25, 0.01),
            refused=0.15,
            repetition=0.05,
            related=0.8,
            memory=0.3,
            contradicting=0.5,
        ),
    )
)
CLOSED_BOOK = Curriculum(
    (
        Stage(
            "answers by heart",
            400,
            6144,
            448,
            (3, 10),
            rate=(0.5, 0.02),
            refused=0.2,
            repetition=0.05,
            memory=0.3,
            contradicting=0.8,
            contradicted=(1, 4),
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
        if not max(stage.documents) or draw.random() < stage.repetition:
            count = stage.tokens // _REPETITION_LENGTH
            rows = [self._repetition(draw, stage.ambiguous) for _ in range(count)]
            return self._batch(rows, _REPETITION_LENGTH)
        return self._batch(self._conversations(draw, step, stage), stage.length)

    def _conversations(self, draw: random.Random, step: int, stage: Stage) -> list[Row]:
        lessons = Lessons(
            self._tokenizer,
            draw,
            World(f"train-{self._seed}-{step}", with_nonsense(SEEN, draw), related=stage.related),
            contradicting=stage.contradicting,
            contradicted=stage.contradicted,
            refused=stage.refused,
            from_memory=stage.from_memory,
        )
        return [
            lessons.by_heart(stage.length)
            if draw.random() < stage.memory
            else lessons.with_documents(stage.length, stage.documents)
            for _ in range(stage.tokens // stage.length)
        ]

    def _repetition(self, draw: random.Random, ambiguous: float) -> Row:
        """Random tokens again and again, perhaps few different ones."""
        period = draw.randint(_SHORTEST_PERIOD, _LONGEST_PERIOD)
        tokens: Sequence[int] = range(self._first_ordinary, len(self._tokenizer))
        if draw.random() < ambiguous:
            different = draw.randint(_FEWEST_TOKENS, max(_FEWEST_TOKENS, period // 2))
            tokens = draw.choices(tokens, k=different)
        once = draw.choices(tokens, k=period)
        row = (once * (_REPETITION_LENGTH // period + 1))[:_REPETITION_LENGTH]
        return Row(row, [IGNORED] * period + row[period:])

    def _batch(self, rows: list[Row], length: int) -> Batch:
        pad = self._tokenizer.pad_token_id
        return Batch(
            torch.tensor([_padded(row.tokens, length, pad) for row in rows]),
            torch.tensor([_padded(row.labels, length, IGNORED) for row in rows]),
        )


def _padded(row: list[int], length: int, filler: int) -> list[int]:
    return (row + [filler] * (length - len(row)))[:length]
