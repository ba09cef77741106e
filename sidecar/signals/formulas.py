"""The definition of every signal: formula, source and an example.

Functions take numpy arrays and broadcast. NaN goes in and comes out where something is not
measured. Per-head signals keep their heads: the mean over heads is a view made later.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]

NOTHING = 1e-6
"""Mass below which a share of it would be rounding noise."""


def context_share(context: Numbers, outside: Numbers) -> Numbers:
    """Share of a head's attention outside the sink that goes to retrieved documents.

    Formula: `context / (1 - sink)`
    Source: mass on the documents; the sink is left out after Xiao et al. 2024, "Efficient
    Streaming Language Models with Attention Sinks".

    Not measured without a document, when a declared document was not found, and for a head whose
    whole mass is on the sink.

    >>> context_share(np.array([0.2, 0.0]), np.array([0.5, 0.0]))
    array([0.4, nan])
    """
    measured = outside > NOTHING
    return np.divide(context, outside, out=np.full_like(outside, np.nan), where=measured)


def sink_share(sink: Numbers) -> Numbers:
    """Share of a head's attention that goes to the first 4 tokens.

    Formula: `sink`
    Source: Xiao et al. 2024, as above.

    >>> sink_share(np.array([0.6]))
    array([0.6])
    """
    return sink


def lookback_ratio(
    generated: Numbers, prompt_tokens: Numbers, generated_tokens: Numbers
) -> Numbers:
    """How much a head looks back at the prompt rather than at what was generated.

    Formula: `(p/P) / (p/P + g/G)` with masses p, g on the P prompt and G generated tokens
    Source: Chuang et al. 2024, "Lookback Lens: Detecting and Mitigating Contextual Hallucinations
    in Large Language Models Using Only Attention Maps".

    Not measured at step 0, where nothing has been generated.

    >>> lookback_ratio(np.array([0.2, 0.0]), np.array([8, 8]), np.array([2, 0]))
    array([0.5, nan])
    """
    prompt = np.maximum(1 - generated, 0)
    per_prompt, per_generated = prompt * generated_tokens, generated * prompt_tokens
    total = per_prompt + per_generated
    ratio: Numbers = np.full_like(total, np.nan)
    np.divide(per_prompt, total, out=ratio, where=total > 0)
    return ratio


def entropy_ratio(entropy: Numbers, length: Numbers) -> Numbers:
    """How evenly a head spreads its attention: 0 is one position, 1 is all alike.

    Formula: `H / ln n` with H in nats over n positions
    Source: normalised Shannon entropy; Zhai et al. 2023, "Stabilizing Transformer Training by
    Preventing Attention Entropy Collapse".

    Not measured when n < 2.

    >>> entropy_ratio(np.log([2.0, 1.0]), np.array([4, 1]))
    array([0.5, nan])
    """
    limit = np.where(length > 1, np.log(np.maximum(length, 1), dtype=np.float64), np.nan)
    ratio: Numbers = entropy / limit.astype(entropy.dtype)
    return np.clip(ratio, 0, 1)


def head_concentration(square_sum: Numbers) -> Numbers:
    """How peaked a head is: 1 is one position, 1/n is all alike.

    Formula: `sum_i w_i^2`
    Source: Herfindahl-Hirschman index; its inverse is the effective number of positions.

    >>> head_concentration(np.array([0.25]))
    array([0.25])
    """
    return np.clip(square_sum, 0, 1)


def copy_rate(copied: Numbers) -> Numbers:
    """Share of heads whose most-attended token is the one this step emits.

    Formula: `mean_h [token(argmax_h) = emitted]`
    Source: Olsson et al. 2022, "In-context Learning and Induction Heads" (copying heads).

    Not measured when the sample does not say what was copied.

    >>> copy_rate(np.array([1.0, 0.0]))
    array([1., 0.])
    """
    return copied


def context_gini(shares: Numbers) -> Numbers:
    """How unevenly heads read the documents: 0 is all alike, near 1 is one head only.

    ``shares`` is ``[..., head]``, context shares over all tapped heads; NaN heads are left out.

    Formula: `sum_i (2i - n - 1) x_i / (n sum_i x_i)` with x ascending
    Source: Gini 1912, "Variabilita e mutabilita".

    Not measured when context share is not, or is 0 for every head.

    >>> context_gini(np.array([[0.5, 0.5], [0.0, 1.0], [0.0, 0.0]]))
    array([0. , 0.5, nan])
    """
    ordered = np.sort(shares, axis=-1)  # NaN sorts last
    count = shares.shape[-1] - np.isnan(ordered).sum(axis=-1)
    ordered = np.nan_to_num(ordered)
    ranks = np.arange(1, shares.shape[-1] + 1, dtype=shares.dtype)
    total = ordered.sum(axis=-1)
    spread = 2 * (ordered @ ranks) - (count + 1) * total
    out = np.full_like(total, np.nan)
    np.divide(spread, count * total, out=out, where=total > 0)
    return np.clip(out, 0, 1)  # type: ignore[no-any-return]


def top_document_share(largest: Numbers, total: Numbers) -> Numbers:
    """Share of the mass on documents that the most-read document has.

    Formula: `max_d m_d / sum_d m_d` with m_d the mass on document d, mean over heads
    Source: Berger-Parker dominance.

    Not measured without a document, or when a declared document was not found.

    >>> top_document_share(np.array([0.3]), np.array([0.4]))
    array([0.75])
    """
    return np.divide(largest, total, out=np.full_like(total, np.nan), where=total > NOTHING)


def document_entropy(entropy: Numbers, documents: Numbers) -> Numbers:
    """How evenly attention is spread over documents: 0 is one document, 1 is all alike.

    Formula: `-sum_d p_d ln p_d / ln D` with p_d = m_d / sum m over D documents
    Source: Pielou 1966 evenness.

    Not measured with fewer than two documents, or when a declared document was not found.

    >>> document_entropy(np.log([2.0, 1.0]), np.array([4, 1]))
    array([0.5, nan])
    """
    return entropy_ratio(entropy, documents)


def calibrated_context_share(shares: Numbers) -> Numbers:
    """`context_share` of the heads that a calibration found to copy from documents.

    ``shares`` is ``[..., head]``, context shares of the calibrated heads; NaN heads are left out.

    Formula: `mean_c context_share_c` over calibrated heads c
    Source: Wu et al. 2024, "Retrieval Head Mechanistically Explains Long-Context Factuality".

    Not measured when context share is not, and when no calibration fits the sample.

    >>> calibrated_context_share(np.array([[0.5, 0.75], [0.5, np.nan], [np.nan, np.nan]]))
    array([0.625, 0.5  ,   nan])
    """
    known = ~np.isnan(shares)
    count = known.sum(axis=-1)
    total = np.where(known, shares, 0).sum(axis=-1)
    mean: Numbers = np.full_like(total, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def retrieval_rate(retrieved: Numbers) -> Numbers:
    """Share of the calibrated heads that copy what this step emits from a document.

    ``retrieved`` is ``[..., head]``, of the calibrated heads.

    Formula: `mean_c [argmax_c in a document] [token(argmax_c) = emitted]` over calibrated heads c
    Source: the retrieval score of Wu et al. 2024, as above, at one step.

    Not measured without a document, when a declared document was not found, when the sample does
    not say what was copied, and when no calibration fits the sample.

    >>> retrieval_rate(np.array([1.0, 0.0, 0.0, 1.0]))
    np.float64(0.5)
    """
    return retrieved.mean(axis=-1)  # type: ignore[no-any-return]


def grounding_score(share: Numbers, rate: Numbers) -> Numbers:
    """How much the heads that retrieve look at documents and copy from them.

    Formula: `(calibrated_context_share + retrieval_rate) / 2`
    Source: the two signals above, with equal weights.

    Not measured when either of them is not.

    >>> grounding_score(np.array([0.5, 0.75]), np.array([1.0, np.nan]))
    array([0.75,  nan])
    """
    return (share + rate) / 2
