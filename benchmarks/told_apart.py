"""How well a score tells answers that follow the documents from answers that do not."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from benchmarks.asked import Answer
from sidecar.demo.judge import Verdict

Heads = NDArray[np.float32]
"""[step, layer, head]; NaN is not measured."""

_PROMPT_TOLERANCE = 8
_RESAMPLED = 200


@dataclass(frozen=True)
class Plan:
    """What is sampled, and of how many requests the mean is taken."""

    stride: int = 1
    layers: tuple[int, ...] | None = None
    averaged: int = 1


class Auroc(NamedTuple):
    """Area under the receiver operating characteristic; above 0.5 means higher when grounded."""

    value: float
    quartiles: tuple[float, float]
    """Of 200 bootstrap resamples."""


@dataclass(frozen=True)
class Score:
    """A mean of per-head measurements over steps and heads."""

    names: tuple[str, ...]
    """Measurements of which the mean is taken."""
    calibrated: bool = False
    """Of the heads that copy from documents, not of all."""

    def heads(self, answer: Answer, chosen: NDArray[np.bool_]) -> Heads:
        """NaN where a head is left out; ``chosen`` is [layer, head]."""
        mean: Heads = np.mean([answer.heads[name] for name in self.names], axis=0)
        return np.where(chosen, mean, np.float32(np.nan)) if self.calibrated else mean


SCORES = {
    "grounding_score": Score(("context_share", "retrieved"), calibrated=True),
    "calibrated_context_share": Score(("context_share",), calibrated=True),
    "retrieval_rate": Score(("retrieved",), calibrated=True),
    "mean_share": Score(("context_share",)),
    "copy_rate": Score(("copy_rate",)),
    "lookback_ratio": Score(("lookback_ratio",)),
    "entropy_ratio": Score(("entropy_ratio",)),
}


class Separation:
    """Answers from documents against answers from memory, matched by length."""

    def __init__(
        self, documents: Sequence[Answer], memory: Sequence[Answer], heads: NDArray[np.bool_]
    ) -> None:
        self.documents, self.memory, self._heads = documents, memory, heads

    def auroc(self, score: str, plan: Plan) -> Auroc:
        """How well a score of `SCORES` tells them apart; NaN where the plan measures none."""
        return auroc(*(self._scores(side, score, plan) for side in (self.documents, self.memory)))

    def by_length(self) -> Auroc:
        """The better of prompt length and output length, in the better direction."""
        found = []
        for attribute in ("prompt_tokens", "output_tokens"):
            sides = [
                np.array([getattr(answer, attribute) for answer in side], dtype=float)
                for side in (self.documents, self.memory)
            ]
            found += [auroc(*sides), auroc(*reversed(sides))]
        return max(found)

    def by_overlap(self) -> Auroc:
        """The share of an answer's words that stand in its documents: what the text alone tells."""
        return auroc(
            *(np.array(list(map(_overlap, side))) for side in (self.documents, self.memory))
        )

    def _scores(self, side: Sequence[Answer], score: str, plan: Plan) -> NDArray[np.float64]:
        values = np.array([self._score(answer, score, plan) for answer in side])
        whole = len(values) // plan.averaged * plan.averaged
        means: NDArray[np.float64] = values[:whole].reshape(-1, plan.averaged).mean(axis=1)
        return means

    def _score(self, answer: Answer, score: str, plan: Plan) -> float:
        heads = SCORES[score].heads(answer, self._heads)[answer.steps % plan.stride == 0]
        if plan.layers is not None:
            heads = heads[:, list(plan.layers)]
        measured = heads[~np.isnan(heads)]
        return float(measured.mean()) if measured.size else np.nan


def matched(answers: Sequence[Answer]) -> tuple[list[Answer], list[Answer]]:
    """Pairs of answers from documents and from memory, of equal output and nearly equal prompt.

    Output lengths are equal and prompts differ by at most 8 tokens; what finds no partner is left
    out.
    """
    waiting: dict[int, list[Answer]] = defaultdict(list)
    for answer in answers:
        if answer.verdict is Verdict.MEMORY:
            waiting[answer.output_tokens].append(answer)
    pairs = []
    for answer in answers:
        if answer.verdict is not Verdict.DOCUMENT:
            continue
        partners = waiting[answer.output_tokens]
        near = min(partners, key=lambda one: _apart(one, answer), default=None)
        if near and _apart(near, answer) <= _PROMPT_TOLERANCE:
            partners.remove(near)
            pairs.append((answer, near))
    return [document for document, _ in pairs], [memory for _, memory in pairs]


def _overlap(answer: Answer) -> float:
    read = {word for one in answer.case.documents for word in _words(one.text)}
    written = _words(answer.text)
    return sum(word in read for word in written) / max(1, len(written))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _apart(one: Answer, other: Answer) -> int:
    return abs(one.prompt_tokens - other.prompt_tokens)


def auroc(higher: NDArray[np.float64], lower: NDArray[np.float64]) -> Auroc:
    """Probability that a value of ``higher`` exceeds one of ``lower``, ties counting half.

    >>> auroc(np.array([2.0, 3.0]), np.array([1.0, 2.0])).value
    0.875
    """
    value = _mann_whitney(higher, lower)
    draw = np.random.default_rng(0)
    resampled = [
        _mann_whitney(draw.choice(higher, len(higher)), draw.choice(lower, len(lower)))
        for _ in range(_RESAMPLED)
        if len(higher) and len(lower)
    ]
    first, third = np.quantile(resampled, (0.25, 0.75)) if resampled else (np.nan, np.nan)
    return Auroc(value, (float(first), float(third)))


def _mann_whitney(higher: NDArray[np.float64], lower: NDArray[np.float64]) -> float:
    both = np.concatenate([higher, lower])
    if not len(higher) or not len(lower) or np.isnan(both).any():
        return float("nan")
    ranks = rankdata(both)[: len(higher)].sum()
    return float((ranks - len(higher) * (len(higher) + 1) / 2) / (len(higher) * len(lower)))
