"""Users ask as an application would, and what comes back is judged against what is true now."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sidecar.demo.faults import CHANGES, HEALTHY, TAGS, Change
from sidecar.demo.judge import Verdict
from sidecar.demo.processes import free_port
from sidecar.demo.traffic import Answer, Tally, Traffic

Body = dict[str, Any]


def reader(body: Body) -> str:
    """Repeats all documents, so that the right value is always among what it says."""
    return " ".join(one["text"] for one in body["attention"]["documents"])


class Engine(ThreadingHTTPServer):
    """Answers chat completions over the wire and keeps what it was asked."""

    def __init__(self, reply: Callable[[Body], str] | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply, self.bodies = reply, list[Body]()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        engine = self.server
        assert isinstance(engine, Engine)
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        engine.bodies.append(body)
        self.send_response(200 if engine.reply else 500)
        self.send_header("content-type", "application/json")
        self.end_headers()
        text = engine.reply(body) if engine.reply else "no such model"
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8}
        named = {"id": "x", "object": "chat.completion", "created": 0, "model": "demo"}
        self.wfile.write(json.dumps({**named, "choices": [choice], "usage": usage}).encode())

    def log_message(self, *args: object) -> None:
        return


@contextmanager
def engine(reply: Callable[[Body], str] | None = reader) -> Iterator[Engine]:
    with Engine(reply) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def traffic(url: str, change: Change = HEALTHY, wanted: int = 30) -> Tally:
    """What came of some requests."""
    deadline = time.monotonic() + 30
    with Traffic(url, "demo", change, seed="test") as users:
        tally = users.tally
        while len(tally.answers) + len(tally.failures) < wanted and time.monotonic() < deadline:
            time.sleep(0.02)
    return tally


def ask(change: Change = HEALTHY) -> tuple[Tally, list[Body]]:
    with engine() as running:
        tally = traffic(f"http://127.0.0.1:{running.server_port}", change)
        return tally, running.bodies


def test_documents_are_pasted_into_the_prompt_and_named_beside_it() -> None:
    tally, bodies = ask()
    assert tally.failures == []
    assert len(tally.answers) == len(bodies)
    for body in bodies:
        system = body["messages"][0]["content"]
        assert all(one["text"] in system for one in body["attention"]["documents"])
        assert 3 <= len(body["attention"]["documents"]) <= 6
        assert body["model"] == "demo"


def test_tags_tell_route_session_and_what_is_rolled_out() -> None:
    _, bodies = ask(CHANGES["stale"])
    for body in bodies:
        tags = body["attention"]["tags"]
        assert set(tags) == {*TAGS, "route", "session"}
        assert tags["corpus_revision"] == "1"
    sessions = [body["attention"]["tags"]["session"] for body in bodies]
    assert len(set(sessions)) < len(sessions), "some questions are asked again"


def test_a_question_that_is_asked_again_has_the_same_documents() -> None:
    _, bodies = ask()
    by_session: dict[str, Body] = {}
    for body in bodies:
        first = by_session.setdefault(body["attention"]["tags"]["session"], body)
        assert first == body


def test_a_reader_is_right_until_the_documents_are_wrong() -> None:
    healthy, _ = ask()
    assert healthy.accuracy() == 1.0
    assert healthy.verdicts() == {Verdict.DOCUMENT: len(healthy.answers)}
    assert healthy.prompt_tokens() == 7
    stale, _ = ask(CHANGES["stale"])
    assert stale.verdicts() == {Verdict.DOCUMENT: len(stale.answers)}
    assert (stale.accuracy() or 0.0) < 0.2
    irrelevant, _ = ask(CHANGES["retriever"])
    assert irrelevant.accuracy() == 0.0


def test_a_failed_request_is_kept_with_its_reason() -> None:
    with engine(reply=None) as running:
        tally = traffic(f"http://127.0.0.1:{running.server_port}", wanted=4)
    assert tally.answers == []
    assert all("500" in why for why in tally.failures)
    gone = traffic(f"http://127.0.0.1:{free_port()}", wanted=4)
    assert all("APIConnectionError" in why for why in gone.failures)


def test_figures_of_a_moment_and_of_nothing() -> None:
    answers = [
        Answer(second, "shop", second < 2, Verdict.DOCUMENT, None) for second in (1.0, 2.0, 3.0)
    ]
    tally = Tally(answers)
    assert tally.accuracy(1.0, 2.0) == 1.0
    assert tally.accuracy() == pytest.approx(1 / 3)
    assert tally.accuracy(9.0) is None
    assert tally.prompt_tokens() is None


def test_a_request_that_the_stop_cuts_off_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidecar.demo.traffic._STOP_SECONDS", 0.1)
    asked, done = threading.Event(), threading.Event()

    def never(_: Body) -> str:
        asked.set()
        done.wait(30)
        return ""

    with engine(never) as running:
        users = Traffic(f"http://127.0.0.1:{running.server_port}", "demo", HEALTHY, seed="stop")
        with users:
            assert asked.wait(10)
        running.handle_error = lambda *_: None  # type: ignore[method-assign]
        done.set()
        for thread in users._users:
            thread.join(10)
    assert users.tally == Tally()
