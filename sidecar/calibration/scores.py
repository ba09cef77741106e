"""Retrieval scores of all heads from samples of prompts that were answered right; numpy alone."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sidecar import signals

Floats = NDArray[np.float64]

PROMPT_TAG = "prompt"
"""Tag that tells which prompt a sample belongs to."""

THRESHOLD = 0.1
"""Score from which on a head counts as a retrieval head. The number is that of Wu et al. 2024, but
their score counts the words of a known passage; ours counts all output steps and is stricter."""
CONFIDENCE = 0.95
WIDEST = 0.1
"""Largest distance of a chosen head's score to either end of its interval."""
FEWEST = 50
"""Right answers below which an interval of shares is not to be trusted, whatever its width."""
MOST = 8
LARGEST_SHARE = 8
"""At most one in so many heads is chosen: a mean over more is a mean over all."""


class TooLittle(ValueError):
    """No heads can be named from these samples; the message says why and what is missing."""


@dataclass(frozen=True)
class Scores:
    """Score and confidence interval of each head, ``[layer, head]``."""

    score: Floats
    low: Floats
    high: Floats
    right: int
    """Prompts, the units that are independent of each other."""
    samples: int


@dataclass
class _Tally:
    """Steps and retrievals of each prompt, ``[layer, head]``."""

    steps: int = 0
    retrieved: Floats = field(default_factory=lambda: np.zeros(()))

    def add(self, retrieved: NDArray[np.float32]) -> None:
        """Count steps, ``[steps, layer, head]``."""
        self.steps += len(retrieved)
        self.retrieved = self.retrieved + retrieved.sum(axis=0, dtype=np.float64)


def score(batches: Iterable[pa.RecordBatch], right: Iterable[str]) -> Scores:
    """Scores from samples of one model, of `schema.WIRE` or `schema.RECORD`.

    A head's score is the share of output steps at which its most-attended token lies in a document
    and is the one emitted: the mean over prompts of each prompt's share, since steps of one prompt
    are alike (after Wu et al. 2024, "Retrieval Head Mechanistically Explains Long-Context
    Factuality", where the words of one passage count instead of all steps).
    Only prompts in ``right`` count, and of those the ones whose documents were all found. Raises
    TooLittle without any, and ValueError when samples have different layers or heads.
    """
    tallies: dict[str, _Tally] = {}
    wanted = set(right)
    for prompt, retrieved in _steps(batches):
        if prompt in wanted:
            tallies.setdefault(prompt, _Tally()).add(retrieved)
    if not tallies:
        raise TooLittle(_more_needed(0))
    if len({tally.retrieved.shape for tally in tallies.values()}) > 1:
        raise ValueError("samples should have the same layers and heads, found several")
    means = np.stack([tally.retrieved / tally.steps for tally in tallies.values()])
    mean, half = means.mean(axis=0), half_width(means)
    return Scores(
        score=mean,
        low=np.maximum(mean - half, 0),
        high=np.minimum(mean + half, 1),
        right=len(means),
        samples=sum(tally.steps for tally in tallies.values()),
    )


def half_width(means: Floats) -> Floats:
    """Half of Student's confidence interval of the mean over the first axis.

    >>> half_width(np.array([[0.2]]))
    array([1.])
    >>> half_width(np.array([0.2, 0.4] * 50)).round(4)
    np.float64(0.0199)
    """
    count = len(means)
    if count < 2:
        return np.ones(means.shape[1:])
    from scipy import stats

    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)
    return quantile * stats.sem(means, axis=0)  # type: ignore[no-any-return]


def choose(scores: Scores, most: int = MOST) -> list[tuple[int, int]]:
    """Place in the table of each calibrated head, the best first.

    Those whose lower bound reaches `THRESHOLD`: at most ``most``, and at most an eighth of all.
    Raises TooLittle.
    """
    if scores.right < FEWEST:
        raise TooLittle(_more_needed(scores.right))
    order = np.argsort(-scores.score, axis=None, kind="stable")
    limit = min(most, max(1, scores.score.size // LARGEST_SHARE))
    best = [place for place in order if scores.low.flat[place] >= THRESHOLD][:limit]
    if not best:
        raise TooLittle(_none(scores, int(order[0])))
    widths = [float(scores.score.flat[place] - scores.low.flat[place]) for place in best]
    if max(widths) > WIDEST:
        raise TooLittle(_too_wide(scores.right, max(widths)))
    return [divmod(int(place), scores.score.shape[1]) for place in best]


def _steps(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Steps of one prompt and batch, ``[steps, layer, head]``; unmeasured ones left out."""
    for batch in batches:
        if not len(batch):
            continue
        prompts = np.array(pc.map_lookup(batch.column("tags"), PROMPT_TAG, "first").to_pylist())
        whole = documents_found(batch)
        for rows, retrieved in signals.retrieved(batch):
            known = whole[rows] & ~np.isnan(retrieved).any(axis=(1, 2))
            for prompt in set(prompts[rows[known]].tolist()):
                yield prompt, retrieved[known & (prompts[rows] == prompt)]


def documents_found(batch: pa.RecordBatch | pa.Table) -> NDArray[np.bool_]:
    """``[rows]``: there are documents, and every one was found in the prompt."""
    found, declared = (
        np.array(batch.column(f"documents_{which}").to_pylist(), dtype=np.int64)
        for which in ("found", "declared")
    )
    return (found > 0) & (found >= declared)


def _more_needed(right: int) -> str:
    return (
        f"{right} prompts were answered right and measured, {FEWEST - right} more are needed: "
        f"with fewer than {FEWEST} an interval means little. Give more prompts"
    )


def _too_wide(right: int, width: float) -> str:
    enough = math.ceil(right * (width / WIDEST) ** 2)
    return (
        f"a head's score is known to ±{width:.2f} only, and should be to ±{WIDEST:g}: some "
        f"{enough - right} more right answers are needed. Give more prompts"
    )


def _none(scores: Scores, best: int) -> str:
    found = f"{scores.score.flat[best]:.3f} ({scores.low.flat[best]:.3f} to "
    found += f"{scores.high.flat[best]:.3f})"
    return (
        f"no head's score is surely {THRESHOLD:g} or more, the best has {found}: this model "
        "rephrases, or answers from memory, or the answers are not written in the documents. "
        "Signals of calibrated heads would mean nothing for it"
    )
