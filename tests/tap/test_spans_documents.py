"""Documents in prompts: found by range, text or marker, or missing for a counted reason."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.schema import SINK_TOKENS
from sidecar.tap.request import WorkerRequest
from sidecar.tap.spans import MarkerError, SpanFinder, extend
from sidecar.tap.spans.text import folded
from tests.tap import toy_tokenizers as toys
from tests.tap.span_kit import (
    OPENING,
    PASSAGES,
    asks,
    by_text,
    check,
    decoded,
    encoded,
    finder,
    segments,
    text_of,
)

WORDS = st.lists(
    st.sampled_from(["wind", "rain", "ship", "Ärger", "cafe\u0301", "日本", "🙂", "the", "a,"]),
    min_size=6,
    max_size=20,
)
GAPS = st.sampled_from([" ", "  ", "\n", "\n\n\t", "\u00a0", " . ", "|"])
LONG_TEXTS = st.lists(WORDS.map(" ".join), min_size=1, max_size=6)
ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.mark.parametrize("family", toys.FAMILIES)
def test_documents_are_found_by_their_text(family: str) -> None:
    token_ids = encoded(OPENING + "\n".join(PASSAGES), family)
    spans = finder(family).find(token_ids, by_text(*PASSAGES))
    check(spans, len(token_ids))
    assert (spans.method, spans.documents_found, spans.failures) == ("text", 3, [])
    for number, passage in enumerate(PASSAGES):
        got = folded(text_of(str(number), spans, token_ids, family))
        expected = passage if family != "wordpiece" else decoded(encoded(passage, family), family)
        assert folded(expected) in got


@pytest.mark.parametrize(
    ("printed", "named"),
    [
        ("ein\n\n   Satz über  Käse\tund Brot", "ein Satz über Käse und Brot"),
        ("ein Satz über Käse und Brot", "  ein Satz\n über Käse und Brot\n"),
        ("ein Satz u\u0308ber Ka\u0308se und Brot", "ein Satz über Käse und Brot"),
        ("ein Satz über Käse und Brot", "ein Satz u\u0308ber Ka\u0308se und Brot"),
        ("ein\u00a0Satz über Käse und\u3000Brot", "ein Satz über Käse und Brot"),
    ],
)
def test_white_space_and_composition_do_not_matter(printed: str, named: str) -> None:
    token_ids = encoded(f"{OPENING}({printed})")
    spans = finder().find(token_ids, by_text(named))
    assert spans.failures == []
    assert printed in text_of("0", spans, token_ids)


def test_identical_documents_each_have_their_own_place() -> None:
    token_ids = encoded(OPENING + "\n".join([PASSAGES[0], PASSAGES[1], PASSAGES[0]]))
    spans = finder().find(token_ids, by_text(PASSAGES[0], PASSAGES[0], PASSAGES[0]))
    order = [name for _, _, name in segments(spans) if name in "012"]
    assert order == ["0", "1"]
    assert spans.failures == ["overlap"]


def test_a_text_within_another_does_not_take_its_place() -> None:
    whole, part = PASSAGES[0], "wrote down the wind, the weather"
    inside_only = encoded(OPENING + whole)
    assert finder().find(inside_only, by_text(part, whole)).failures == ["overlap"]
    both = encoded(f"{OPENING}{whole}\n{part}")
    spans = finder().find(both, by_text(part, whole))
    assert spans.failures == []
    assert whole in text_of("1", spans, both)


def test_a_short_text_that_occurs_too_often_is_not_guessed() -> None:
    token_ids = encoded(OPENING + "Paris is large. I love Paris.")
    assert finder().find(token_ids, by_text("Paris")).failures == ["ambiguous"]
    assert finder().find(token_ids, by_text("Paris", "Paris")).documents_found == 2


def test_what_is_not_there_is_counted_by_reason() -> None:
    token_ids = encoded(OPENING + PASSAGES[0])
    request = asks(
        {"id": "absent", "text": PASSAGES[1]},
        {"id": "blank", "text": " \n"},
        {"id": "beyond", "start": 5, "end": len(token_ids) + 1},
        {"id": "hidden", "start": 0, "end": SINK_TOKENS},
        {"id": "there", "text": PASSAGES[0]},
    )
    spans = finder().find(token_ids, request)
    check(spans, len(token_ids))
    assert sorted(spans.failures) == ["empty", "in_sink", "not_in_prompt", "out_of_range"]
    assert (spans.method, spans.documents_found) == ("text", 1)


def test_explicit_ranges_are_kept_to_the_token() -> None:
    token_ids = encoded(OPENING + " ".join(PASSAGES))
    request = asks({"id": "a", "start": 10, "end": 15}, {"id": "b", "start": 15, "end": 16})
    spans = finder().find(token_ids, request)
    assert {(10, 15, "a"), (15, 16, "b")} <= set(segments(spans))
    assert spans.method == "explicit"


def test_a_text_does_not_take_tokens_of_a_range() -> None:
    token_ids = encoded(OPENING + PASSAGES[0])
    end = len(token_ids) - 4
    request = asks({"id": "a", "start": end - 2, "end": end}, {"id": "b", "text": PASSAGES[0]})
    spans = finder().find(token_ids, request)
    assert (end - 2, end, "a") in segments(spans)
    assert spans.failures == ["overlap"]


def test_a_token_that_two_documents_share_goes_to_the_earlier() -> None:
    token_ids = encoded(OPENING + PASSAGES[0])
    words = [decoded([token_id]) for token_id in token_ids]
    shared = max(n for n, word in enumerate(words[:-6]) if len(word) > 1)
    cut = len("".join(words[:shared])) - len(OPENING) + 1
    spans = finder().find(token_ids, by_text(PASSAGES[0][:cut], PASSAGES[0][cut:]))
    assert spans.failures == []
    edges = {name: (start, end) for start, end, name in segments(spans)}
    assert edges["0"][1] == edges["1"][0] == shared + 1


def test_a_document_within_a_token_of_another_is_counted() -> None:
    vocabulary = toys.tokenizer("byte-level").get_vocab()
    ends = sorted(token for token in vocabulary if token.isascii() and len(token) == 6)
    head, tail = ends[0][:5], ends[0][5:]
    token_ids = [*encoded("0123456789 "), vocabulary[ends[0]]]
    spans = finder().find(token_ids, by_text(f"0123456789 {head}", tail))
    assert spans.failures == ["shared"]
    assert segments(spans)[-1] == (SINK_TOKENS, len(token_ids), "0")


def test_without_a_tokenizer_ranges_still_count() -> None:
    bare = SpanFinder(None)
    spans = bare.find(
        list(range(20)), asks({"id": "a", "start": 6, "end": 9}, {"id": "b", "text": "x"})
    )
    assert segments(spans) == [(0, 4, "sink"), (4, 6, "other"), (6, 9, "a"), (9, 20, "other")]
    assert spans.failures == ["no_tokenizer"]


class Unreadable:
    """Not a tokenizer at all."""


def test_a_tokenizer_that_cannot_be_read_is_none(caplog: pytest.LogCaptureFixture) -> None:
    spans = SpanFinder(Unreadable()).find(list(range(20)), by_text("x"))
    assert spans.failures == ["no_tokenizer"]
    assert "Unreadable cannot be read in full" in caplog.text


@pytest.mark.parametrize("length", [0, 1, SINK_TOKENS, SINK_TOKENS + 1])
def test_the_shortest_prompts(length: int) -> None:
    spans = finder().find(list(range(length)), by_text("x"))
    check(spans, length)
    check(extend(spans, length, length + 2), length + 2)


@settings(max_examples=60, deadline=None)
@given(LONG_TEXTS, st.lists(GAPS, min_size=6, max_size=6), st.data())
def test_random_documents_are_found_whole(texts: list[str], gaps: list[str], data: Any) -> None:
    prompt = OPENING + "".join(t + g for t, g in zip(texts, gaps, strict=False))
    named = data.draw(st.permutations(texts))
    family = data.draw(st.sampled_from(["byte-level", "metaspace"]))
    token_ids = encoded(prompt, family)
    spans = finder(family).find(token_ids, by_text(*named))
    check(spans, len(token_ids))
    for number, text in enumerate(named):
        if str(number) in spans.sources:
            start, end = next((a, b) for a, b, name in segments(spans) if name == str(number))
            around = decoded(token_ids[start - 1 : end + 1], family)
            assert folded(text) in folded(around)
    assert set(spans.failures) <= {"overlap"}


@settings(max_examples=60, deadline=None)
@given(ANYTHING, st.lists(ANYTHING, max_size=5), st.data())
def test_spans_partition_whatever_is_asked(prompt: str, texts: list[str], data: Any) -> None:
    family = data.draw(st.sampled_from(sorted(toys.FAMILIES)))
    token_ids = encoded(prompt, family)
    ends = sorted(data.draw(st.sets(st.integers(0, 60), min_size=2, max_size=6)))
    ranged = [
        {"id": f"r{start}", "start": start, "end": end} for start, end in list(pairwise(ends))[::2]
    ]
    cut = [prompt[: len(prompt) // 2], prompt[len(prompt) // 3 :]]
    named = [{"id": str(number), "text": text} for number, text in enumerate([*texts, *cut])]
    spans = finder(family).find(token_ids, asks(*ranged, *named))
    check(spans, len(token_ids))
    assert spans.documents_declared == len(ranged) + len(named)


def test_markers_find_documents_that_nobody_named() -> None:
    marked = SpanFinder(
        toys.tokenizer("byte-level"),
        [r"<doc id=(?P<id>\w+)>(?P<text>.*?)</doc>", r"\[(?P<id>\d)\][^\[]+"],
    )
    prompt = f"{OPENING}<doc id=k7>{PASSAGES[0]}</doc> [1] {PASSAGES[1]} [2] Wärme <doc id=x></doc>"
    token_ids = encoded(prompt)
    spans = marked.find(token_ids, WorkerRequest())
    check(spans, len(token_ids))
    assert spans.method == "markers"
    assert [source for source in spans.sources if source] == ["k7", "1", "2"]
    assert PASSAGES[0] in text_of("k7", spans, token_ids)
    assert "Wärme" in text_of("2", spans, token_ids)
    assert spans.failures == ["empty"]
    assert marked.find(token_ids, by_text(PASSAGES[1])).documents_declared == 1


def test_marked_documents_do_not_overlap() -> None:
    marked = SpanFinder(toys.tokenizer("byte-level"), [r"a(?P<id>q+)c", r"(?P<id>q+)"])
    spans = marked.find(encoded(OPENING + "aqqqc"), WorkerRequest())
    assert (spans.documents_found, spans.failures) == (1, ["overlap"])


@pytest.mark.parametrize(("pattern", "complaint"), [("(", "cannot be compiled"), ("x", "group")])
def test_a_wrong_marker_is_refused(pattern: str, complaint: str) -> None:
    with pytest.raises(MarkerError, match=complaint):
        SpanFinder(None, [pattern])


def test_generated_positions_are_added_at_the_end() -> None:
    spans = finder().find(list(range(10)), WorkerRequest())
    longer = extend(spans, 10, 14)
    check(longer, 14)
    assert segments(longer)[-1] == (10, 14, "generated")
    assert longer.starts.dtype == np.int32
    assert extend(spans, 10, 10) is spans
    for prompt_length, context_length in ((9, 14), (10, 9)):
        with pytest.raises(ValueError, match="must cover the prompt"):
            extend(spans, prompt_length, context_length)
