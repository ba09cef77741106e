"""The middleware before a real Starlette application, and its output in vLLM's own models."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from sidecar.tap import body as body_module
from sidecar.tap import middleware
from sidecar.tap.middleware import CHAT, COUNTS, LARGEST_BODY, PATHS, AttentionMiddleware
from sidecar.tap.request import from_extra_args

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
DOCUMENTS = [{"id": "a", "text": "Ä document."}, {"id": "b", "text": "Another."}]
MESSAGES = [{"role": "user", "content": "Read this."}]


class Behind:
    """What arrives behind the middleware."""

    body: bytes = b""
    headers: httpx.Headers

    async def serve(self, request: Request) -> Response:
        self.body = await request.body()
        self.headers = httpx.Headers(list(request.headers.items()))
        return Response(b"served")

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def xargs(self) -> dict[str, Any]:
        return dict(self.json["vllm_xargs"])


@pytest.fixture(autouse=True)
def fresh_counts() -> Iterator[None]:
    COUNTS.clear()
    yield
    COUNTS.clear()


def application(endpoint: Any) -> AttentionMiddleware:
    routes = [Route(path, endpoint, methods=["POST"]) for path in (*PATHS, "/v1/embeddings")]
    return AttentionMiddleware(Starlette(routes=routes))


def post(app: Any, content: Any, path: str = CHAT, **headers: str) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://engine") as client:
            sent = {"content-type": "application/json", **headers}
            return await client.post(path, content=content, headers=sent)

    return asyncio.run(go())


def bare_scope() -> dict[str, Any]:
    headers = [(b"content-type", b"application/json")]
    return {"type": "http", "method": "POST", "path": CHAT, "query_string": b"", "headers": headers}


def request_body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": MESSAGES, **fields}).encode()


@pytest.mark.parametrize("path", PATHS)
def test_the_field_moves_into_the_sampling_arguments(path: str) -> None:
    behind = Behind()
    attention = {"documents": DOCUMENTS, "tags": {"route": "/ask", "k": 2}, "sample": True}
    sent = request_body(attention=attention, vllm_xargs={"session_id": "s", "attention": "theirs"})
    response = post(application(behind.serve), sent, path, traceparent=TRACEPARENT)
    assert response.status_code == 200
    assert "attention" not in behind.json
    assert behind.headers["content-length"] == str(len(behind.body))
    assert behind.xargs["session_id"] == "s"
    carried = from_extra_args(behind.xargs)
    assert [(d.id, d.text) for d in carried.documents] == [(d["id"], d["text"]) for d in DOCUMENTS]
    assert carried.tags == {"route": "/ask", "k": "2"}
    assert (carried.sample, carried.traceparent, carried.problem) == (True, TRACEPARENT, "")
    assert COUNTS == {"rewritten": 1}


@pytest.mark.parametrize(
    "content",
    [
        request_body(),
        b'{ "temperature": 1.50,  "model":"m", "n": 123456789012345678901234567890 }',
        request_body(messages=[{"role": "user", "content": 'say "attention" and "documents"'}]),
        request_body(vllm_xargs={"attention": "{}"}),
        b'{"attention": ',
        b'["attention"]',
        b"",
    ],
)
def test_a_request_with_nothing_of_ours_is_byte_identical(content: bytes) -> None:
    behind = Behind()
    assert post(application(behind.serve), content).status_code == 200
    assert behind.body == content


@pytest.mark.parametrize(("path", "kind"), [("/v1/embeddings", "application/json"), (CHAT, "a/b")])
def test_other_paths_and_types_are_not_looked_at(path: str, kind: str) -> None:
    behind = Behind()
    sent = request_body(attention={"sample": True})
    post(application(behind.serve), sent, path, **{"content-type": kind})
    assert behind.body == sent
    assert not COUNTS


def test_the_other_fields_keep_their_bytes() -> None:
    behind = Behind()
    sent = (
        b'{"a":1.50,"big":123456789012345678901234567890,'
        b'"attention":{"sample":false},"s":"\\u00e4"}'
    )
    post(application(behind.serve), sent)
    assert behind.body.startswith(
        b'{"a":1.50,"big":123456789012345678901234567890,"s":"\\u00e4","vllm_xargs":'
    )


def test_what_only_pythons_json_reads_is_read_all_the_same() -> None:
    behind = Behind()
    sent = b'{"top_p":NaN,"prompt":"\\ud83d","attention":{"sample":true}}'
    post(application(behind.serve), sent)
    assert behind.body.startswith(b'{"top_p":NaN,"prompt":"\\ud83d","vllm_xargs":')
    assert from_extra_args(behind.xargs).sample is True


def test_a_trace_header_alone_is_carried() -> None:
    behind = Behind()
    post(application(behind.serve), request_body(), traceparent=TRACEPARENT)
    assert behind.xargs == {"attention_traceparent": TRACEPARENT}


def test_a_malformed_trace_header_is_ignored_and_told_to_the_worker() -> None:
    behind = Behind()
    post(application(behind.serve), request_body(), traceparent="00-nonsense")
    carried = from_extra_args(behind.xargs)
    assert (carried.traceparent, carried.problem) == (None, "malformed_traceparent")


BAGGAGE = "tenant=a%20b;ttl=1, user=7 ,route=theirs,broken,secret=x"


def test_chosen_baggage_becomes_tags_that_yield_to_the_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ATTENTION_ENGINE__BAGGAGE", '["tenant", "user", "route", "absent"]')
    behind = Behind()
    sent = request_body(attention={"tags": {"route": "/ask"}})
    post(application(behind.serve), sent, baggage=BAGGAGE)
    carried = from_extra_args(behind.xargs)
    assert carried.tags == {"route": "/ask", "tenant": "a b", "user": "7"}
    assert carried.problem == ""
    post(application(behind.serve), request_body(), baggage=f"user={'x' * 1000}")
    assert from_extra_args(behind.xargs).tags == {"user": "x" * 256}


def test_other_baggage_goes_nowhere() -> None:
    behind = Behind()
    post(application(behind.serve), request_body(), baggage=BAGGAGE)
    assert behind.body == request_body()


def test_baggage_without_room_is_told_to_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTENTION_ENGINE__BAGGAGE", '["tenant", "user"]')
    behind = Behind()
    tags = {f"tag-{number}": 1 for number in range(31)}
    post(application(behind.serve), request_body(attention={"tags": tags}), baggage=BAGGAGE)
    carried = from_extra_args(behind.xargs)
    assert len(carried.tags) == 32
    assert (carried.tags["tenant"], carried.problem) == ("a b", "baggage_left_out")


@pytest.mark.parametrize(
    ("attention", "param"),
    [
        ({"documents": [{"id": n, "text": "x"} for n in range(10_000)]}, "attention.documents"),
        ({"documents": [{"id": "a", "text": "x" * 2_000_000}]}, "attention.documents"),
        ({"tags": {"route": {"no": "tag"}}}, "attention.tags.route"),
        ("everything", "attention"),
    ],
)
def test_a_malformed_field_is_a_400_in_openais_format(attention: Any, param: str) -> None:
    behind = Behind()
    response = post(application(behind.serve), request_body(attention=attention))
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"] == param
    assert error["code"] == 400
    assert error["message"].startswith(param)
    assert len(response.content) < 1000
    assert behind.body == b""
    assert COUNTS == {"refused": 1}


def test_the_limit_of_documents_is_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTENTION_ENGINE__MAX_DOCUMENTS", "1")
    response = post(application(Behind().serve), request_body(attention={"documents": DOCUMENTS}))
    assert "at most 1, got 2" in response.json()["error"]["message"]


def test_wrong_settings_do_not_stop_serving(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTENTION_ENGINE__MAX_DOCUMENTS", "many")
    assert post(application(Behind().serve), request_body()).status_code == 200
    assert COUNTS["settings_unreadable"] == 1


def test_null_is_nothing() -> None:
    behind = Behind()
    post(application(behind.serve), request_body(attention=None, vllm_xargs=None))
    assert "attention" not in behind.json
    assert behind.json["vllm_xargs"] is None


def test_wrong_sampling_arguments_are_left_for_vllm_to_refuse() -> None:
    behind = Behind()
    post(application(behind.serve), request_body(attention={"sample": True}, vllm_xargs="wrong"))
    assert behind.json["vllm_xargs"] == "wrong"
    assert "attention" not in behind.json


def test_the_chat_apis_documents_are_understood_and_stay() -> None:
    behind = Behind()
    documents = [{"title": "T", "text": "One."}, {"title": "U", "contents": "Two."}]
    sent = request_body(documents=documents, attention={"tags": {"route": "/ask"}})
    post(application(behind.serve), sent)
    assert behind.json["documents"] == documents
    carried = from_extra_args(behind.xargs)
    assert [(d.id, d.text) for d in carried.documents] == [("0", "One."), ("1", "Two.")]
    assert carried.tags == {"route": "/ask"}


def test_our_documents_win_over_the_chat_apis() -> None:
    behind = Behind()
    sent = request_body(documents=[{"text": "x"}], attention={"documents": DOCUMENTS})
    post(application(behind.serve), sent)
    assert [d.id for d in from_extra_args(behind.xargs).documents] == ["a", "b"]


@pytest.mark.parametrize("documents", ["text", [{"text": 5}], [{"text": "x"}] * 300])
def test_unreadable_chat_documents_are_counted_not_refused(documents: Any) -> None:
    behind = Behind()
    assert post(application(behind.serve), request_body(documents=documents)).status_code == 200
    assert behind.json["documents"] == documents
    carried = from_extra_args(behind.xargs)
    assert (carried.documents, carried.problem) == ([], "malformed_chat_documents")


def test_completions_have_no_documents_of_their_own() -> None:
    behind = Behind()
    sent = request_body(documents=[{"text": "x"}])
    post(application(behind.serve), sent, "/v1/completions")
    assert behind.body == sent


def test_a_chunked_body_is_rewritten() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        sent = request_body(attention={"documents": DOCUMENTS})
        for start in range(0, len(sent), 7):
            yield sent[start : start + 7]

    behind = Behind()
    post(application(behind.serve), chunks())
    assert len(from_extra_args(behind.xargs).documents) == 2
    assert "transfer-encoding" not in behind.headers
    assert behind.headers["content-length"] == str(len(behind.body))


def test_a_body_too_large_to_read_passes_untouched() -> None:
    behind = Behind()
    sent = request_body(attention={"sample": True}, image="x" * LARGEST_BODY)
    post(application(behind.serve), sent)
    assert behind.body == sent
    assert COUNTS == {"not_read": 1}


def test_switched_off_it_only_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTENTION_TAP", "off")
    behind = Behind()
    app = application(behind.serve)
    post(app, request_body(attention="nonsense"), traceparent=TRACEPARENT)
    assert behind.json == {"model": "m", "messages": MESSAGES}
    post(app, request_body(), traceparent=TRACEPARENT)
    assert behind.body == request_body()


def test_a_failure_of_our_own_is_survived_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    behind = Behind()
    monkeypatch.setattr(body_module, "parse", broken)
    assert (
        post(application(behind.serve), request_body(attention={"sample": True})).text == "served"
    )
    assert behind.json == {"model": "m", "messages": MESSAGES}
    monkeypatch.setattr(middleware, "stripped", broken)
    assert (
        post(application(behind.serve), request_body(attention={"sample": True})).text == "served"
    )
    assert behind.body == request_body(attention={"sample": True})
    assert COUNTS == {"failed_ZeroDivisionError": 2}


def test_a_stream_passes_as_it_comes() -> None:
    async def words() -> AsyncIterator[bytes]:
        for word in (b"data: a\n\n", b"data: b\n\n"):
            yield word

    async def endpoint(request: Request) -> Response:
        await request.json()
        return StreamingResponse(words(), media_type="text/event-stream")

    async def sent_messages() -> list[dict[str, Any]]:
        body = request_body(attention={"sample": True}, stream=True)
        waiting = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[dict[str, Any]] = []

        async def receive() -> Any:
            return waiting.pop() if waiting else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(dict(message))

        await application(endpoint)(bare_scope(), receive, send)
        return sent

    parts = [message.get("body") for message in asyncio.run(sent_messages())[1:]]
    assert parts == [b"data: a\n\n", b"data: b\n\n", b""]


@pytest.mark.parametrize("before", ["the body", "the answer"])
def test_a_disconnect_reaches_the_application(before: str) -> None:
    seen: list[str] = []
    body = request_body(attention={"sample": True})
    waiting = [
        {"type": "http.request", "body": body, "more_body": before == "the body"},
        {"type": "http.disconnect"},
    ]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([(await receive())["type"], (await receive())["type"]])

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        raise AssertionError(message)

    asyncio.run(AttentionMiddleware(app)(bare_scope(), receive, send))
    assert seen == ["http.request", "http.disconnect"]


def test_a_root_path_is_taken_off() -> None:
    behind = Behind()
    app = application(behind.serve)

    async def below(scope: Any, receive: Any, send: Any) -> None:
        prefixed = {**scope, "root_path": "/engine", "path": "/engine" + scope["path"]}
        await app(prefixed, receive, send)

    post(below, request_body(attention={"sample": True}))
    assert from_extra_args(behind.xargs).sample is True


@pytest.mark.slow  # importing vLLM
@pytest.mark.parametrize("path", PATHS)
def test_vllms_own_models_take_the_rewritten_body(path: str) -> None:
    models: dict[str, tuple[str, str, dict[str, Any]]] = {
        PATHS[0]: ("chat_completion", "ChatCompletionRequest", {"messages": MESSAGES}),
        PATHS[1]: ("completion", "CompletionRequest", {"prompt": "Read this."}),
        PATHS[2]: ("responses", "ResponsesRequest", {"input": "Read this."}),
    }
    folder, name, fields = models[path]
    protocol = pytest.importorskip(f"vllm.entrypoints.openai.{folder}.protocol")
    behind = Behind()
    attention = {"documents": DOCUMENTS, "tags": {"route": "/ask"}, "sample": True}
    sent = json.dumps({"model": "m", **fields, "attention": attention}).encode()
    post(application(behind.serve), sent, path, traceparent=TRACEPARENT)
    request = getattr(protocol, name).model_validate_json(behind.body)
    extra_args = request.to_sampling_params(16, {}).extra_args
    carried = from_extra_args(extra_args)
    assert [d.id for d in carried.documents] == ["a", "b"]
    assert (carried.traceparent, carried.sample) == (TRACEPARENT, True)
    assert request.model_extra == {}
