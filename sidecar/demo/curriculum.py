"""What the placeholder is taught, in order: to repeat, then to answer from more and more documents.

Copying has to appear before questions can be learned: a model this small that starts with questions
never finds the circuit. Every batch depends on the seed and the step alone, so a run can resume.
"""

import random
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerFast

from sidecar.demo.prompts import END, START, system_prompt
from sidecar.demo.world import Fact, World

IGNORED = -100
_SHORTEST_PERIOD, _LONGEST_PERIOD = 3, 21
_REPETITION_SHARE = 0.1


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


REPETITION = Stage("repetition", 0.28, 2048, 64, (0, 0))
STAGES = (
    REPETITION,
    Stage("1-3 documents", 0.16, 3072, 128, (1, 3)),
    Stage("2-5 documents", 0.2, 4096, 224, (2, 5)),
    Stage("3-8 documents", 0.36, 4608, 384, (3, 8)),
)


@dataclass(frozen=True)
class Batch:
    """``tokens`` and ``labels`` are int64 [sequences, length]; a label is IGNORED or the token."""

    tokens: torch.Tensor
    labels: torch.Tensor


def stage_at(progress: float) -> Stage:
    """The stage in force when ``progress`` (0 to 1) of the steps are done."""
    end = 0.0
    for stage in STAGES:
        end += stage.share
        if progress < end:
            return stage
    return STAGES[-1]


class Teacher:
    """Makes the batch of any step."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, *, seed: int) -> None:
        self._tokenizer = tokenizer
        self._seed = seed
        self._first_ordinary = len(tokenizer.all_special_ids) + 1

    def batch(self, step: int, stage: Stage) -> Batch:
        """The stage's batch, sometimes one of repetition instead."""
        draw = random.Random(f"batch-{self._seed}-{step}")  # noqa: S311
        if stage is REPETITION or draw.random() < _REPETITION_SHARE:
            return self._repetition(draw)
        world = World(f"train-{self._seed}-{step}")
        rows = [self._conversation(draw, world, stage) for _ in range(stage.tokens // stage.length)]
        pad = self._tokenizer.pad_token_id
        return Batch(
            torch.tensor([_padded(tokens, stage.length, pad) for tokens, _ in rows]),
            torch.tensor([_padded(labels, stage.length, IGNORED) for _, labels in rows]),
        )

    def _repetition(self, draw: random.Random) -> Batch:
        length = REPETITION.length
        vocabulary = range(self._first_ordinary, len(self._tokenizer))
        rows, labels = [], []
        for _ in range(REPETITION.tokens // length):
            period = draw.randint(_SHORTEST_PERIOD, _LONGEST_PERIOD)
            once = draw.choices(vocabulary, k=period)
            row = (once * (length // period + 1))[:length]
            rows.append(row)
            labels.append([IGNORED] * period + row[period:])
        return Batch(torch.tensor(rows), torch.tensor(labels))

    def _conversation(
        self, draw: random.Random, world: World, stage: Stage
    ) -> tuple[list[int], list[int]]:
        """Documents and as many questions about them as fit; labels on the answers alone."""
        case = world.case(documents=draw.randint(*stage.documents))
        system = system_prompt([document.text for document in case.documents])
        tokens = self._encode(f"{START}system\n{system}{END}\n")
        labels = [IGNORED] * len(tokens)
        while True:
            prompt, answer = self._turn(draw.choice(case.documents).fact)
            if len(tokens) + len(prompt) + len(answer) > stage.length:
                return tokens, labels
            tokens += prompt + answer
            labels += [IGNORED] * len(prompt) + answer

    def _turn(self, fact: Fact) -> tuple[list[int], list[int]]:
        question = f"{START}user\n{fact.question}{END}\n{START}assistant\n"
        return self._encode(question), self._encode(f"{fact.statement}{END}\n")

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer(text).input_ids)


def _padded(row: list[int], length: int, filler: int) -> list[int]:
    return (row + [filler] * (length - len(row)))[:length]
