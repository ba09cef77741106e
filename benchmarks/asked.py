"""A bundled model, served by vLLM with the tap on, is asked questions; answers with their samples.

Every request, step, layer and head is sampled; plans that sample less are views of that.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from openai import OpenAI

from sidecar import archive, schema, signals
from sidecar.calibration.scores import PROMPT_TAG, choose, score
from sidecar.demo.judge import Verdict, judge
from sidecar.demo.prompts import system_prompt
from sidecar.demo.world import Case
from tests.engine import server

_USERS, _ANSWER_TOKENS = 8, 48
_ARCHIVE_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """An answer and what its samples measured at each of its ``steps``."""

    case: Case
    text: str
    verdict: Verdict
    prompt_tokens: int
    output_tokens: int
    steps: NDArray[np.int64]
    """[step] output steps, ascending."""
    heads: Mapping[str, NDArray[np.float32]]
    """[step, layer, head] by name; NaN is not measured."""


class Asked:
    """A served model that can be asked."""

    def __init__(self, engine: server.Server, beside: server.Daemon) -> None:
        self._engine, self._daemon = engine, beside
        self._runs = 0

    def ask(self, cases: Sequence[Case]) -> list[Answer]:
        """Ask every case and wait for its samples. Raises AssertionError when some stay out."""
        return self._ask(cases)[0]

    def calibrate(self, cases: Sequence[Case]) -> NDArray[np.bool_]:
        """[layer, head] the heads that copy from documents. Raises TooLittle."""
        answers, samples = self._ask(cases)
        right = [str(n) for n, one in enumerate(answers) if one.verdict is Verdict.DOCUMENT]
        scores = score(samples.to_batches(), right)
        chosen = np.zeros(scores.score.shape, dtype=bool)
        chosen[tuple(zip(*choose(scores), strict=True))] = True
        return chosen

    def _ask(self, cases: Sequence[Case]) -> tuple[list[Answer], pa.Table]:
        self._runs += 1
        run = str(self._runs)
        with ThreadPoolExecutor(_USERS) as users:
            replies = list(
                users.map(lambda n: _reply(self._engine, run, n, cases[n]), range(len(cases)))
            )
        samples = self._samples(run, sum(tokens for _, _, tokens in replies))
        return list(_answers(cases, replies, samples)), samples

    def _samples(self, run: str, wanted: int) -> pa.Table:
        deadline = time.monotonic() + _ARCHIVE_SECONDS
        while True:
            time.sleep(1)
            if self._daemon.archive.is_dir():
                found = archive.open(self._daemon.archive).dataset.to_table()
                tag = pc.map_lookup(found["tags"], "run", "first")
                found = found.filter(pc.equal(tag, run))
                if len(found) >= wanted:
                    return found
            assert time.monotonic() < deadline, f"not all of {wanted} samples came"


@contextmanager
def served(model: Path, *options: str) -> Iterator[Asked]:
    """Serve the model in ``model`` in bfloat16, with a daemon whose archive closes every second."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sampling = {
            f"ATTENTION_SAMPLING__{k.upper()}": str(v) for k, v in server.EVERY_STEP.items()
        }
        engine = stack.enter_context(
            server.serve(model, folder, "--dtype", "bfloat16", *options, **sampling)
        )
        settings = sampling | {"ATTENTION_ARCHIVE__ROLL_SECONDS": "1"}
        yield Asked(engine, stack.enter_context(server.daemon(engine, folder, **settings)))


def _reply(engine: server.Server, run: str, number: int, case: Case) -> tuple[str, int, int]:
    """Text, prompt tokens and output tokens."""
    client: OpenAI = engine.client
    texts = [document.text for document in case.documents]
    system = [{"role": "system", "content": system_prompt(texts)}] if texts else []
    attention = {
        "documents": [{"id": one.id, "text": one.text} for one in case.documents],
        "tags": {"run": run, PROMPT_TAG: str(number)},
        "sample": True,
    }
    completion: Any = client.chat.completions.create(
        model="demo",
        messages=[*system, {"role": "user", "content": case.question}],  # type: ignore[list-item]
        temperature=0,
        max_tokens=_ANSWER_TOKENS,
        extra_body={"attention": attention},
    )
    usage = completion.usage
    return completion.choices[0].message.content, usage.prompt_tokens, usage.completion_tokens


def _answers(
    cases: Sequence[Case], replies: Sequence[tuple[str, int, int]], table: pa.Table
) -> Iterator[Answer]:
    numbers = pc.cast(pc.map_lookup(table["tags"], PROMPT_TAG, "first"), pa.int64()).to_numpy()
    for number, (case, (text, prompt, output)) in enumerate(zip(cases, replies, strict=True)):
        rows = table.take(np.flatnonzero(numbers == number)).sort_by("step")
        batch = rows.combine_chunks().to_batches()[0]
        yield Answer(
            case=case,
            text=text,
            verdict=judge(case, text),
            prompt_tokens=prompt,
            output_tokens=output,
            steps=batch["step"].to_numpy(),
            heads=_per_head(batch),
        )


def _per_head(batch: pa.RecordBatch) -> dict[str, NDArray[np.float32]]:
    """Of samples of one shape."""
    record = batch.select(schema.RECORD.names)
    ((_, heads),) = signals.per_head(record)
    ((_, retrieved),) = signals.retrieved(record)
    return heads | {"retrieved": retrieved}
