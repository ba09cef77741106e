"""Real retrieval prompts through tokenizers of every family."""

import statistics
import time
from collections import Counter

import pytest

from sidecar.tap.request import WorkerRequest, parse
from sidecar.tap.spans import Spans
from sidecar.tap.spans.text import folded
from tests import nq
from tests.tap import toy_tokenizers as toys
from tests.tap.span_kit import check, decoded, encoded, finder, text_of

CASES = 300
WHOLE_SHARE = 0.995


def found(family: str, case: nq.Case) -> tuple[Spans, list[int], float]:
    """Spans of a case, its tokens, and the milliseconds that finding took."""
    token_ids = toys.tokenizer(family).apply_chat_template(
        nq.messages(case), add_generation_prompt=True, return_dict=False
    )
    request = WorkerRequest(documents=parse(nq.attention(case)).documents)
    start = time.perf_counter()
    spans = finder(family).find(token_ids, request)
    return spans, token_ids, (time.perf_counter() - start) * 1000


def as_written(text: str, family: str) -> str:
    return text if family != "wordpiece" else decoded(encoded(text, family), family)


@pytest.mark.slow
@pytest.mark.parametrize("family", toys.FAMILIES)
def test_documents_are_found_from_their_text_alone(family: str) -> None:
    reasons: Counter[str] = Counter()
    milliseconds, lengths, whole = [], [], 0
    for case in nq.prompts(CASES):
        spans, token_ids, took = found(family, case)
        check(spans, len(token_ids))
        reasons.update(spans.failures)
        milliseconds.append(took)
        lengths.append(len(token_ids))
        for document in case.documents:
            if document["id"] in spans.sources:
                text = folded(as_written(document["text"], family))
                whole += text in folded(text_of(document["id"], spans, token_ids, family))
    declared = CASES * 10
    print(
        f"\n{family}: {whole} of {declared} documents, missing {dict(reasons)}; "
        f"{statistics.median(lengths):.0f} tokens, median {statistics.median(milliseconds):.2f} ms"
    )
    assert whole + sum(reasons.values()) == declared
    assert whole >= WHOLE_SHARE * declared
    if family != "wordpiece":
        assert statistics.median(milliseconds) < 5
