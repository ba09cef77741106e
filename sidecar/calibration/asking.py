"""Sends prompts to an OpenAI-compatible server, a few at a time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sidecar.calibration.prompts import Prompt
from sidecar.calibration.scores import PROMPT_TAG

SECONDS = 120.0
"""For one answer."""
HOPELESS = 8
"""Failures before the first answer after which no more is asked."""

RUN_TAG = "calibration"
"""Tag that tells the samples of one run from all others."""

Tell = Callable[[str], None]


class AskingFailed(RuntimeError):
    """The server does not answer; the message says why."""


@dataclass(frozen=True)
class Server:
    """Where to ask and how."""

    url: str
    model: str
    api_key: str | None = None
    max_tokens: int = 64
    concurrency: int = 4

    @property
    def endpoint(self) -> str:
        """The chat API; ``url`` may end with `/v1` or not."""
        return self.url.rstrip("/").removesuffix("/v1") + "/v1/chat/completions"


@dataclass
class Answers:
    """What came of the prompts, by their number as text."""

    right: set[str]
    wrong: set[str]
    failed: dict[str, str]
    """Why, in the server's words."""
    steps: int = 0
    """Output tokens of all answers."""


def ask(server: Server, prompts: Sequence[Prompt], run: str, tell: Tell) -> Answers:
    """Ask every prompt once, at temperature 0. Raises AskingFailed when nothing is answered."""
    try:
        import httpx  # noqa: F401 - said before anything is changed
        import scipy  # noqa: F401
    except ModuleNotFoundError as error:
        raise AskingFailed(
            f"{error.name} is missing: pip install 'attention-sidecar[lab]'"
        ) from None
    return asyncio.run(_ask_all(server, prompts, run, tell))


async def _ask_all(server: Server, prompts: Sequence[Prompt], run: str, tell: Tell) -> Answers:
    import httpx

    headers = {"authorization": f"Bearer {server.api_key}"} if server.api_key else {}
    waiting = list(enumerate(prompts))[::-1]
    async with httpx.AsyncClient(headers=headers, timeout=SECONDS) as client:
        asking = _Asking(client, server, run)

        async def user() -> None:
            while waiting and not asking.hopeless:
                number, prompt = waiting.pop()
                await asking.one(str(number), prompt)
                asking.report(len(prompts), tell)

        await asyncio.gather(*(user() for _ in range(server.concurrency)))
    answers = asking.answers
    if not (answers.right or answers.wrong):
        reason = next(iter(answers.failed.values()))
        raise AskingFailed(f"no answer from {server.endpoint}: {reason}")
    return answers


@dataclass
class _Asking:
    """One run's requests."""

    client: Any
    server: Server
    run: str
    answers: Answers = field(default_factory=lambda: Answers(set(), set(), {}))

    @property
    def hopeless(self) -> bool:
        """Nothing but failures."""
        answered = self.answers.right or self.answers.wrong
        return len(self.answers.failed) >= HOPELESS and not answered

    async def one(self, number: str, prompt: Prompt) -> None:
        """Ask one prompt and keep what came of it."""
        import httpx

        body = prompt.body({RUN_TAG: self.run, PROMPT_TAG: number})
        body |= {"model": self.server.model, "max_tokens": self.server.max_tokens}
        try:
            response = await self.client.post(
                self.server.endpoint, json=body | {"temperature": 0, "stream": False}
            )
            if response.is_success:
                self._keep(number, prompt, response.json())
            else:
                self.answers.failed[number] = f"{response.status_code} {response.text[:300]}"
        except httpx.HTTPError as error:
            self.answers.failed[number] = f"{type(error).__name__} {error}".rstrip()
        except (ValueError, KeyError, IndexError, TypeError) as error:
            self.answers.failed[number] = f"not an answer of the chat API: {error!r}"

    def _keep(self, number: str, prompt: Prompt, found: dict[str, Any]) -> None:
        text = found["choices"][0]["message"]["content"] or ""
        self.answers.steps += found["usage"]["completion_tokens"]
        right = prompt.answered_by(text)
        (self.answers.right if right else self.answers.wrong).add(number)

    def report(self, prompts: int, tell: Tell) -> None:
        """Say how far it is, now and then."""
        counts = (len(self.answers.right), len(self.answers.wrong), len(self.answers.failed))
        if sum(counts) % 25 == 0 or sum(counts) == prompts:
            right, wrong, failed = counts
            tell(f"asked {sum(counts)} of {prompts}: {right} right, {wrong} wrong, {failed} failed")
