"""Makes the demo's baseline: what the grounded model's signals are while nothing is rolled out.

``python -m sidecar.demo.baseline`` lets the model answer until the reference is large enough. The
engine runs in this process, without its API server, which takes a fraction of the time. The file
lies beside the model and is of its weights alone: a model that is trained anew needs another one.
"""

import json
import os
import random
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import click

from sidecar import archive
from sidecar.demo import faults
from sidecar.demo import layout as layouts
from sidecar.demo.bundled import MODELS
from sidecar.demo.corpus import Corpus
from sidecar.demo.faults import GROUNDED, TAGS
from sidecar.demo.layout import Layout
from sidecar.demo.processes import Child, DemoError, answers
from sidecar.demo.traffic import documents, messages
from sidecar.demo.world import MOST_DOCUMENTS, Case
from sidecar.drift import Requests, Stream, read
from sidecar.drift.baseline import Baseline
from sidecar.drift.baseline.build import NothingFits, build

MARGIN = 0.01
"""Wider than usual, so that the reference takes minutes; the faults move the score by far more."""
_LONGER, _MORE = 0.2, 0.2
_TOGETHER, _ROUND, _ANSWER_TOKENS = 32, 320, 48
_START_SECONDS, _ARCHIVE_SECONDS = 60.0, 12.0
_UNHURRIED = {
    "ATTENTION_SAMPLING__BUDGET_MS_PER_S": "0",
    "ATTENTION_DRIFT__BASELINE": "[]",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_LOGGING_LEVEL": "WARNING",
}


def cases(seed: str) -> Iterator[Case]:
    """Healthy questions, some with documents as long, or as many, as the benign changes have them.

    A regression knows the lengths that it has seen: a reference has to cover what may come.
    """
    corpus, choice = Corpus(seed), random.Random(seed)  # noqa: S311
    while True:
        found, kind = corpus.case(), choice.random()
        if kind < _LONGER:
            yield faults.longer(corpus.world, found)
        elif kind < _LONGER + _MORE:
            yield _of_many(corpus, found, choice.randint(3, MOST_DOCUMENTS))
        else:
            yield found


def _of_many(corpus: Corpus, case: Case, number: int) -> Case:
    """The same question with any number of documents."""
    return corpus.world.case(about=case.fact, documents=number)


def make(folder: Path, *, margin: float, minutes: float) -> Baseline:
    """Ask until every signal has a reference, for ``minutes`` at most.

    Raises DemoError when the daemon dies or the time is over.
    """
    with layouts.prepared(folder) as layout:
        os.environ.update({**layout.engine_environment(), **_UNHURRIED})
        with Child("the daemon", layout.daemon_command(), env={}, log=folder / "daemon.log") as one:
            ready = f"{layout.daemon_url}/health/ready"
            one.wait_until(lambda: answers(ready), seconds=_START_SECONDS, what="the start")
            return _asked(layout, one, margin, time.monotonic() + 60 * minutes)


def _asked(layout: Layout, daemon: Child, margin: float, deadline: float) -> Baseline:
    engine, asked = _engine(), cases("reference")
    where = f"model_revision = '{layouts.revision(GROUNDED)}'"
    for number in count():
        _ask(engine, list(islice(asked, _ROUND)), number)
        time.sleep(_ARCHIVE_SECONDS)
        daemon.check()
        streams = read(layout.archive, where) if archive.open(layout.archive).files else {}
        left: list[str] = []
        found = _built(streams, where, margin, left)
        requests = sum(map(len, streams.values()))
        click.echo(f"{requests} requests; {left[0] if left else 'enough'}")
        if found and not left:
            return found
        if time.monotonic() > deadline:
            break
    raise DemoError(f"the time is over; {'; '.join(left)}")


def _engine() -> Any:
    from vllm import LLM

    return LLM(
        str(MODELS / GROUNDED),
        revision=layouts.revision(GROUNDED),
        served_model_name=layouts.SERVED_NAME,
        max_model_len=4096,
        max_num_seqs=_TOGETHER,
        enforce_eager=True,
    )


def _ask(engine: Any, asked: list[Case], number: int) -> None:
    from vllm import SamplingParams

    parameters = [
        SamplingParams(
            temperature=0,
            max_tokens=_ANSWER_TOKENS,
            extra_args={"attention": json.dumps(_attention(case, f"{number}-{place}"))},
        )
        for place, case in enumerate(asked)
    ]
    engine.chat([messages(case) for case in asked], parameters, use_tqdm=False)


def _attention(case: Case, session: str) -> dict[str, Any]:
    tags = {**TAGS, "route": case.route, "session": session}
    return {"documents": documents(case), "tags": tags}


def _built(
    streams: dict[Stream, Requests], where: str, margin: float, left: list[str]
) -> Baseline | None:
    """The baseline, None while there is none; what it lacks goes to ``left``."""
    try:
        return build(streams, where=where, margin=margin, tell=left.append)
    except NothingFits as error:
        left.append(str(error))
        return None


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=layouts.baseline_file(), help="File to write."
)
@click.option("--margin", default=MARGIN, show_default=True, help="As of `baseline build`.")
@click.option("--minutes", default=60.0, show_default=True, help="After which it gives up.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("demo-run"),
    show_default=True,
    help="Logs and archive; those of an earlier run are replaced.",
)
def main(out: Path, margin: float, minutes: float, folder: Path) -> None:
    """Make the baseline of the bundled grounded model."""
    try:
        make(folder, margin=margin, minutes=minutes).save(out)
    except DemoError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"written to {out}")


if __name__ == "__main__":
    main()
