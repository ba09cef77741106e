"""Retrieval-augmented chat requests from a few concurrent users, and what came of them."""

import math
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import openai
from openai import OpenAI

from sidecar.demo.corpus import Corpus, answered
from sidecar.demo.faults import Change
from sidecar.demo.judge import Verdict, judge
from sidecar.demo.prompts import system_prompt
from sidecar.demo.world import Case

_USERS, _PAUSE_SECONDS, _ANSWER_TOKENS = 4, 0.1, 48
_REQUEST_SECONDS, _STOP_SECONDS = 60.0, 15.0
_AGAIN_RATE = 0.25
"""Of the questions: asked once more in the same words, so that prefixes are met again."""


@dataclass(frozen=True)
class Answer:
    """One answered request."""

    time: float
    """Monotonic seconds."""
    route: str
    correct: bool
    """It states the current value, whatever was retrieved."""
    verdict: Verdict
    """What it follows."""
    prompt_tokens: int | None


@dataclass
class Tally:
    """What came of the requests so far."""

    answers: list[Answer] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """Why each request failed that did, but for those that the users' stop cut off."""

    def accuracy(self, start: float = 0.0, end: float = float("inf")) -> float | None:
        """Share of correct answers, 0 to 1, of those within [start, end) monotonic seconds."""
        return _mean(one.correct for one in self.answers[:] if start <= one.time < end)

    def accuracy_error(self) -> float | None:
        """Standard error of that share over all answers, each side given one more (Laplace)."""
        if not self.answers:
            return None
        total = len(self.answers) + 2
        share = (sum(one.correct for one in self.answers[:]) + 1) / total
        return math.sqrt(share * (1 - share) / total)

    def prompt_tokens(self) -> float | None:
        """Mean length of the prompts."""
        lengths = (one.prompt_tokens for one in self.answers[:])
        return _mean(length for length in lengths if length is not None)

    def verdicts(self) -> Counter[Verdict]:
        """Answers by what they follow."""
        return Counter(one.verdict for one in self.answers[:])


class Traffic:
    """Users who ask until they are stopped, while one change is rolled out; a context manager."""

    def __init__(
        self, engine_url: str, model: str, change: Change, *, seed: str, users: int = _USERS
    ) -> None:
        self.tally = Tally()
        self._model, self._change, self._seed = model, change, seed
        self._client = OpenAI(
            base_url=f"{engine_url}/v1",
            api_key="unused",
            timeout=_REQUEST_SECONDS,
            max_retries=0,
        )
        self._stop = threading.Event()
        self._users = [
            threading.Thread(target=self._ask_on, args=(f"{seed}-{number}",), daemon=True)
            for number in range(users)
        ]

    def __enter__(self) -> Self:
        for user in self._users:
            user.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        deadline = time.monotonic() + _STOP_SECONDS
        for user in self._users:
            user.join(max(0.0, deadline - time.monotonic()))
        self._client.close()

    def _ask_on(self, user: str) -> None:
        """Draw questions and ask each in a session of its own, some of them twice."""
        corpus, choice = Corpus(user), random.Random(user)  # noqa: S311
        session = 0
        while not self._stop.is_set():
            session += 1
            found = corpus.case(self._change.routes)
            case = self._change.retrieve(corpus.world, found)
            for _ in range(1 + (choice.random() < _AGAIN_RATE)):
                self._ask(case, f"{user}-{session}")
                self._stop.wait(_PAUSE_SECONDS)

    def _ask(self, case: Case, session: str) -> None:
        if self._stop.is_set():
            return
        tags = {**self._change.tags, "route": case.route, "session": session}
        try:
            answer = ask(self._client, self._model, case, tags)
        except openai.OpenAIError as error:
            if not self._stop.is_set():
                self.tally.failures.append(f"{type(error).__name__}: {error}")
            return
        self.tally.answers.append(answer)


def ask(client: OpenAI, model: str, case: Case, tags: dict[str, str]) -> Answer:
    """Send a case as an application would and judge the answer. Raises openai.OpenAIError."""
    completion = client.chat.completions.create(
        model=model,
        messages=messages(case),
        temperature=0,
        max_tokens=_ANSWER_TOKENS,
        extra_body={"attention": {"documents": documents(case), "tags": tags}},
    )
    text = completion.choices[0].message.content or ""
    used = completion.usage.prompt_tokens if completion.usage else None
    return Answer(
        time.monotonic(),
        case.route,
        answered(case, text),
        judge(case, text),
        used,
    )


def messages(case: Case) -> list[Any]:
    """A chat with the documents pasted into the system message."""
    texts = [document.text for document in case.documents]
    return [
        {"role": "system", "content": system_prompt(texts)},
        {"role": "user", "content": case.question},
    ]


def documents(case: Case) -> list[dict[str, str]]:
    """The documents by name, as they stand in the prompt."""
    return [{"id": document.id, "text": document.text} for document in case.documents]


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None
