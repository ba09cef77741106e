"""Retrieval-augmented chat requests from a few concurrent users, over the routes of the world."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import openai
from openai import OpenAI

from sidecar.demo.prompts import system_prompt
from sidecar.demo.world import ROUTES, Case, World

SEED = "demo"
_USERS, _PAUSE_SECONDS, _ANSWER_TOKENS = 4, 0.1, 48
_REQUEST_SECONDS = 60.0


@dataclass
class Tally:
    """What came of the requests so far, by route."""

    requests: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    """Answers that hold the value of the gold document."""
    failures: Counter[str] = field(default_factory=Counter)
    last_failure: str = ""


class Traffic:
    """Users who ask until they are stopped; a context manager."""

    def __init__(self, engine_url: str, model: str, *, users: int = _USERS) -> None:
        self.tally = Tally()
        self._model = model
        self._client = OpenAI(
            base_url=f"{engine_url}/v1",
            api_key="unused",
            timeout=_REQUEST_SECONDS,
            max_retries=0,
        )
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._users = [
            threading.Thread(target=self._ask_on, args=(number,), daemon=True)
            for number in range(users)
        ]

    def __enter__(self) -> Self:
        for user in self._users:
            user.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Let running requests finish and send no more."""
        self._stop.set()
        deadline = time.monotonic() + 10
        for user in self._users:
            user.join(max(0.0, deadline - time.monotonic()))
        self._client.close()

    def _ask_on(self, user: int) -> None:
        world = World(f"{SEED}-{user}")
        turn = user
        while not self._stop.is_set():
            self._ask(world.case(route=ROUTES[turn % len(ROUTES)]))
            turn += 1
            self._stop.wait(_PAUSE_SECONDS)

    def _ask(self, case: Case) -> None:
        try:
            text = ask(self._client, self._model, case)
        except openai.OpenAIError as error:
            with self._lock:
                self.tally.failures[case.route] += 1
                self.tally.last_failure = f"{type(error).__name__}: {error}"
            return
        with self._lock:
            self.tally.requests[case.route] += 1
            self.tally.right[case.route] += case.fact.value in text


def ask(client: OpenAI, model: str, case: Case) -> str:
    """Send a case as an application would: documents pasted into the prompt and named beside it."""
    documents = [{"id": document.id, "text": document.text} for document in case.documents]
    completion = client.chat.completions.create(
        model=model,
        messages=[
            {"role": "system", "content": system_prompt([one["text"] for one in documents])},
            {"role": "user", "content": case.question},
        ],
        temperature=0,
        max_tokens=_ANSWER_TOKENS,
        extra_body={"attention": {"documents": documents, "tags": {"route": case.route}}},
    )
    return completion.choices[0].message.content or ""
