"""Real retrieval prompts through the OpenAI client: documents found from their text alone."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from tokenizers import Tokenizer

from sidecar.demo import model as demo_model
from sidecar.demo import tokenizer
from tests import nq
from tests.engine import server

PROMPTS = 300


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """One layer: spans do not depend on the model, and prompts have 3,000 tokens."""
    tokens = tokenizer.train()
    folder = tmp_path_factory.mktemp("small-model")
    network = demo_model.build(demo_model.architecture(tokens, layers=1), seed=1)
    demo_model.save(network, tokens, folder)
    with server.serve(folder, tmp_path_factory.mktemp("small-vllm")) as running:
        yield running, Tokenizer.from_file(str(folder / "tokenizer.json"))


def ask(client, number, case):
    completion = client.chat.completions.create(
        model="demo",
        messages=nq.messages(case),
        max_tokens=1,
        extra_body={"attention": nq.attention(case), "return_token_ids": True},
        extra_headers={"X-Request-Id": f"nq-{number}"},
    )
    return completion.model_extra["prompt_token_ids"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_documents_of_three_hundred_prompts_are_found(small):
    served, tokens = small
    cases = nq.prompts(PROMPTS)
    with server.collect(served) as collector, ThreadPoolExecutor(4) as pool:
        collector.settle()
        prompts = list(pool.map(ask, [served.client] * PROMPTS, range(PROMPTS), cases))
        rows = collector.collect(30, enough=PROMPTS)
    assert len(rows) == PROMPTS
    failures: Counter[str] = Counter()
    found = 0
    for row in rows:
        number = int(row["request_id"].split("-")[2])
        found += check(row, cases[number], prompts[number], tokens)
        failures.update(row["span_failures"])
    assert found >= 0.995 * 10 * PROMPTS
    assert failures.total() == 10 * PROMPTS - found


def check(row, case, prompt, tokens):
    """Ranges decode back to the text; returns the number of documents found."""
    spans = zip(row["segment_source"], row["segment_start"], row["segment_end"], strict=True)
    ranges = {source: (start, end) for source, start, end in spans if source}
    for document in case.documents:
        if document["id"] in ranges:
            start, end = ranges[document["id"]]
            text = tokens.decode(prompt[start:end], skip_special_tokens=False)
            assert document["text"].strip() in text
            assert len(text) <= len(document["text"]) + 2 * 16
    assert len(ranges) == row["documents_found"]
    assert abs(sum(row["mass"]) - 1 * row["heads"]) < 1e-3 * row["heads"]
    return row["documents_found"]
