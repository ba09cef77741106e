"""Through the OpenAI API: chat and completions, streamed or not, with documents and tags."""

import json

import httpx
import numpy as np
import pytest

from tests.engine import model
from tests.engine.server import collect

DOCUMENTS = [
    {"id": "price", "text": "The price of the Aldora lamp is 42 crowns, says the catalogue."},
    {"id": "weight", "text": "The Brill desk weighs 31 kilograms without its two drawers."},
]
SYSTEM = "Answer from the documents.\n\n" + "\n\n".join(one["text"] for one in DOCUMENTS)
MESSAGES = [
    {"role": "system", "content": SYSTEM},
    {"role": "user", "content": "What does the Aldora lamp cost?"},
]
PROMPT = SYSTEM + "\n\nWhat does the Aldora lamp cost?"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TOKENS = 5


def ask(served, kind, streamed, attention, **extra):
    """Prompt and output token ids of one request."""
    body = {
        "model": "demo",
        "temperature": 0,
        "max_tokens": TOKENS,
        "ignore_eos": True,
        "return_token_ids": True,
        "stream": streamed,
        "attention": attention,
        **({"messages": MESSAGES} if kind == "chat/completions" else {"prompt": PROMPT}),
        **extra,
    }
    url = f"{served.url}/v1/{kind}"
    response = httpx.post(url, json=body, headers={"traceparent": TRACE}, timeout=120)
    assert response.status_code == 200, response.text
    chunks = [response.json()] if not streamed else events(response.text)
    prompt = next(filter(None, (ids(chunk, "prompt_token_ids") for chunk in chunks)))
    return prompt, [token for chunk in chunks for token in ids(chunk, "token_ids") or []]


def events(text):
    lines = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def ids(chunk, name):
    choice = (chunk.get("choices") or [{}])[0]
    return chunk.get(name) or choice.get(name)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("kind", ["chat/completions", "completions"])
def test_samples_of_a_request(served, reference, kind, streamed):
    with collect(served) as collector:
        collector.settle()
        attention = {"documents": DOCUMENTS, "tags": {"route": "shop", "tenant": "t1"}}
        prompt, output = ask(served, kind, streamed, attention)
        rows = collector.collect(3.0, enough=TOKENS)
    assert [row["step"] for row in rows] == list(range(TOKENS))
    weights = model.weights(reference, prompt + output).numpy()
    for row in rows:
        check_row(row, weights, prompt, output)


def check_row(row, weights, prompt, output):
    assert row["prompt_length"] == len(prompt)
    assert (row["route"], row["tags"]) == ("shop", [("tenant", "t1")])
    assert row["traceparent"] == TRACE
    assert row["trace_id"] == TRACE.split("-")[1]
    assert (row["documents_declared"], row["documents_found"]) == (2, 2)
    sources = [name for name in row["segment_source"] if name]
    assert sources == ["price", "weight"]
    newest = row["context_length"] - 1
    attention = weights[:, :, newest, : newest + 1]
    mass = np.add.reduceat(attention, row["segment_start"], -1)
    found = np.array(row["mass"]).reshape(mass.shape)
    assert np.abs(found - mass).max() < 2e-3
    emitted = output[row["step"]]
    tokens = np.array(prompt + output)
    assert ((tokens[row["argmax"]] == emitted) == np.array(row["copied"])).all()


def test_a_request_may_force_or_refuse_its_sampling(served):
    with collect(served) as collector:
        collector.settle(rate=0.0)
        ask(served, "completions", False, {"documents": DOCUMENTS})
        ask(served, "completions", False, {"sample": True})
        rows = collector.collect(2.0, enough=TOKENS)
        assert [row["forced"] for row in rows] == [True] * TOKENS
        collector.settle(rate=1.0)
        ask(served, "completions", False, {"sample": False})
        ask(served, "completions", False, {"sample": True})
        assert {row["forced"] for row in collector.collect(2.0, enough=TOKENS)} == {True}


@pytest.mark.parametrize(
    ("attention", "says"),
    [
        ("everything", "attention"),
        ({"documents": "one"}, "attention.documents"),
        ({"documents": [{"id": "a"}]}, "attention.documents"),
        (
            {"documents": [{"id": "a", "start": 0, "end": 9}, {"id": "b", "start": 5, "end": 12}]},
            "overlap",
        ),
        ({"documents": [{"id": str(n), "text": "x"} for n in range(10_000)]}, "256"),
        ({"documents": [{"id": "a", "text": "x" * 2_000_000}]}, "characters"),
        ({"tags": {"route": ["list"]}}, "attention.tags"),
    ],
)
def test_a_malformed_request_gets_a_clear_400(served, attention, says):
    body = {"model": "demo", "prompt": "hello", "max_tokens": 1, "attention": attention}
    response = httpx.post(f"{served.url}/v1/completions", json=body, timeout=60)
    assert response.status_code == 400
    assert says in response.json()["error"]["message"]


def test_the_server_serves_on_after_malformed_requests(served):
    prompt, output = ask(served, "completions", False, {})
    assert len(output) == TOKENS
    assert prompt
