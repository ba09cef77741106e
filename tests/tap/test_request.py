"""The contract of the body field `attention` and of how it travels."""

import doctest
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.schema import ROLES
from sidecar.tap import chat_documents, traceparent
from sidecar.tap.attention_field import TEXT_LENGTH, AttentionRequest
from sidecar.tap.chat_documents import as_attention
from sidecar.tap.request import (
    MALFORMED_CHAT_DOCUMENTS,
    MALFORMED_REQUEST,
    MALFORMED_TRACEPARENT,
    PROBLEMS,
    RequestError,
    decode,
    encode,
    from_extra_args,
    parse,
    wish,
)
from sidecar.tap.spans.reasons import REASONS

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "text", "start", "end", "documents", "tags", "sample", "route"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
requests = st.builds(
    lambda ids, text, tags, sample: AttentionRequest.model_validate(
        {"documents": [{"id": i, "text": text} for i in ids], "tags": tags, "sample": sample}
    ),
    st.lists(names, unique=True, max_size=5),
    texts,
    st.dictionaries(names, texts, max_size=5),
    st.none() | st.booleans(),
)


def document(**fields: Any) -> dict[str, Any]:
    return {"documents": [{"id": "a", **fields}]}


def ranges(*pairs: tuple[int, int]) -> dict[str, Any]:
    documents = [{"id": str(n), "start": a, "end": b} for n, (a, b) in enumerate(pairs)]
    return {"documents": documents}


MALFORMED = [
    (5, "attention", "must be an object, got 5"),
    ([], "attention", "must be an object, got []"),
    ({"document": []}, "attention.document", "the fields are sample, documents, tags"),
    ({"documents": 5}, "attention.documents", "must be a valid list, got 5"),
    ({"documents": [5]}, "attention.documents[0]", "must be an object, got 5"),
    ({"documents": [{"text": "x"}]}, "attention.documents[0].id", "is required"),
    (document(), "attention.documents[0]", "needs either 'text' or both 'start' and 'end'"),
    (document(text=5), "attention.documents[0].text", "must be a valid string, got 5"),
    (document(text="\ud800"), "attention.documents[0].text", "must be Unicode text"),
    (document(text="x", start=1, end=2), "attention.documents[0]", "needs either 'text' or both"),
    (document(text="x", start=1), "attention.documents[0]", "needs either 'text' or both"),
    (document(start=1), "attention.documents[0]", "needs either 'text' or both"),
    (document(start=3, end=3), "attention.documents[0]", "'end' must be greater than 'start'"),
    (document(start=-1, end=2), "attention.documents[0].start", "equal to 0, got -1"),
    (document(start=0, end=2**31), "attention.documents[0].end", "2147483647, got 2147483648"),
    (document(start=True, end=5), "attention.documents[0].start", "valid integer, got True"),
    (document(start=1.5, end=5), "attention.documents[0].start", "valid integer, got 1.5"),
    (ranges((1, 10), (9, 11)), "attention.documents", "'0' is [1, 10) and '1' is [9, 11)"),
    (ranges((5, 6), (1, 10)), "attention.documents", "ranges must not overlap"),
    ({"documents": [{"id": "", "text": "x"}]}, "attention.documents[0].id", "at least 1 character"),
    ({"documents": [{"id": "x" * 257, "text": ""}]}, "attention.documents[0].id", "at most 256"),
    ({"documents": [{"id": 10**5000, "text": ""}]}, "attention.documents[0].id", "too many digits"),
    (document(text="x" * (TEXT_LENGTH + 1)), "attention.documents", "they have 1,000,001"),
    ({"documents": [{"id": 1, "text": ""}] * 2}, "attention.documents", "'1' is there twice"),
    (ranges(*((n, n + 1) for n in range(10_000))), "attention.documents", "at most 256, got 10000"),
    ({"tags": [1]}, "attention.tags", "must be a valid dictionary, got [1]"),
    ({"tags": {"a": [1]}}, "attention.tags.a", "must be a string or a number, got [1]"),
    ({"tags": {"a": True}}, "attention.tags.a", "must be a string or a number, got True"),
    ({"tags": {"a": "x" * 257}}, "attention.tags.a", "at most 256 characters"),
    ({"tags": {str(n): "" for n in range(33)}}, "attention.tags", "at most 32 items"),
    ({"sample": "yes"}, "attention.sample", "must be a valid boolean, got 'yes'"),
    ({"sample": 1}, "attention.sample", "must be a valid boolean, got 1"),
]


@pytest.mark.parametrize(("value", "param", "message"), MALFORMED)
def test_an_error_names_the_field_and_what_would_be_right(
    value: Any, param: str, message: str
) -> None:
    with pytest.raises(RequestError) as raised:
        parse(value)
    assert raised.value.param == param
    assert message in str(raised.value)
    assert len(str(raised.value)) < 500


def test_numbers_as_ids_and_tags_become_text_and_attributes_stay_behind() -> None:
    request = parse(
        {"documents": [{"id": 7, "text": "t", "score": 0.4}], "tags": {"k": 10, "r": "x"}}
    )
    assert request.documents[0].id == "7"
    assert request.tags == {"k": "10", "r": "x"}
    assert "score" not in encode(request)


def test_touching_ranges_and_the_limit_itself_are_right() -> None:
    assert len(parse(ranges((0, 5), (5, 9))).documents) == 2
    assert len(parse(ranges((0, 5), (5, 9)), max_documents=2).documents) == 2
    with pytest.raises(RequestError, match="at most 1, got 2"):
        parse(ranges((0, 5), (5, 9)), max_documents=1)


@given(requests)
def test_what_is_encoded_is_decoded(request: AttentionRequest) -> None:
    assert decode(encode(request)) == request
    carried = from_extra_args({"attention": encode(request)})
    assert (carried.documents, carried.tags) == (request.documents, request.tags)
    assert wish({"attention": encode(request)}) == carried.sample == request.sample


@given(json_values)
def test_any_json_is_either_read_or_refused(value: Any) -> None:
    with suppress(RequestError):
        assert parse(value).model_dump_json()


@given(json_values | st.binary(max_size=20), json_values)
def test_a_worker_survives_whatever_came_past_the_middleware(value: Any, trace: Any) -> None:
    for extra_args in (value, {"attention": value, "attention_traceparent": trace}):
        carried = from_extra_args(extra_args)
        assert carried.traceparent is None
        wish(extra_args)
    text = json.dumps(value) if not isinstance(value, bytes) else value
    request = from_extra_args({"attention": text, "attention_problem": trace})
    assert request.problem in ("", MALFORMED_REQUEST)


def test_a_worker_counts_what_it_could_not_read() -> None:
    assert from_extra_args(None).problem == ""
    assert from_extra_args({"other": 1}).problem == ""
    assert from_extra_args({"attention": "{"}).problem == MALFORMED_REQUEST
    assert from_extra_args({"attention": "[" * 100_000}).problem == MALFORMED_REQUEST
    too_many = json.dumps(ranges((0, 1), (1, 2)))
    assert from_extra_args({"attention": too_many}, max_documents=1).problem == MALFORMED_REQUEST
    assert from_extra_args({"attention_traceparent": "00-x"}).problem == MALFORMED_TRACEPARENT
    told = from_extra_args({"attention_problem": MALFORMED_CHAT_DOCUMENTS})
    assert told.problem == MALFORMED_CHAT_DOCUMENTS
    assert from_extra_args({"attention_problem": "made up"}).problem == ""


def test_a_malformed_request_keeps_its_trace() -> None:
    carried = from_extra_args({"attention": "{", "attention_traceparent": TRACEPARENT})
    assert (carried.traceparent, carried.trace_id) == (TRACEPARENT, TRACE)


@pytest.mark.parametrize(
    ("header", "valid"),
    [
        (TRACEPARENT, True),
        (f"{TRACEPARENT}-more", False),
        (f"cc-{TRACE}-b7ad6b7169203331-01-what-the-future-brings", True),
        (f"cc-{TRACE}-b7ad6b7169203331-01.what", False),
        (f"ff-{TRACE}-b7ad6b7169203331-01", False),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-b7ad6b7169203331-01", False),
        (f"{TRACEPARENT}\n", False),
        (f"cc-{TRACE}-b7ad6b7169203331-01-{'x' * 600}", False),
        ("", False),
        (None, False),
        (7, False),
    ],
)
def test_traceparent_follows_the_recommendation(header: object, valid: bool) -> None:
    assert traceparent.is_valid(header) is valid


def test_chat_documents_are_read_in_their_usual_forms() -> None:
    found = as_attention([{"doc_id": "a", "contents": "A"}, {"title": "t", "content": "B"}, {}])
    assert found == [{"id": "a", "text": "A"}, {"id": "1", "text": "B"}, {"id": "2", "text": ""}]
    assert as_attention([{"id": "a", "text": "A"}] * 2) == [
        {"id": "0", "text": "A"},
        {"id": "1", "text": "A"},
    ]
    assert as_attention(["text"]) is None
    assert as_attention({"text": "A"}) is None


@pytest.mark.parametrize("module", [traceparent, chat_documents])
def test_examples_in_the_documentation(module: Any) -> None:
    outcome = doctest.testmod(module)
    assert outcome.attempted
    assert outcome.failed == 0


def test_the_documentation_is_right() -> None:
    text = (Path(__file__).parents[2] / "docs" / "request.md").read_text()
    for name in (*REASONS, *PROBLEMS, *ROLES, *AttentionRequest.model_fields):
        assert f"`{name}`" in text, name
    listed = re.findall(r"^\| `(\w+)` \| [A-Z]", text.split("## Segments")[1], re.MULTILINE)
    assert set(listed) <= {*REASONS, *ROLES}
    shown = re.search(r'"message": "(.*)",', text)
    with pytest.raises(RequestError) as raised:
        parse(
            {"documents": [{"id": "a", "start": 1, "end": 10}, {"id": "b", "start": 9, "end": 11}]}
        )
    assert shown
    assert shown[1] == str(raised.value)
