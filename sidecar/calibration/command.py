"""`attention-sidecar heads calibrate`: from a file of prompts to a file of heads."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from sidecar.calibration.artefact import Calibration, HeadScore
from sidecar.calibration.asking import AskingFailed, Server, Tell
from sidecar.calibration.collect import IDENTITY, Collected, collect
from sidecar.calibration.daemon import Daemon, DaemonFailed, archive_path
from sidecar.calibration.prompts import Prompt, PromptsError, read
from sidecar.calibration.report import lines
from sidecar.calibration.scores import FEWEST, Scores, TooLittle, choose, score


class Failed(RuntimeError):
    """Something does not work; nothing was written."""


class Undecided(RuntimeError):
    """It works, but the samples do not tell which heads copy; nothing was written."""


def run(
    daemon: Daemon,
    *,
    url: str,
    model: str,
    prompts: Path,
    out: Path,
    path: Path | None,
    most: int,
    max_tokens: int,
    concurrency: int,
    api_key: str | None,
    tell: Tell,
) -> None:
    """Calibrate and write ``out``. Raises Failed and Undecided."""
    server = Server(url, model, api_key, max_tokens, concurrency)
    try:
        if not out.absolute().parent.is_dir():
            raise Failed(f"--out {str(out)!r}: its folder does not exist")
        asked = _enough(prompts)
        folder = path or Path(archive_path(daemon))
        with _ended_cleanly():
            collected = collect(server, daemon, folder, asked, tell)
        _tell_losses(collected, tell)
        found = calibration(collected, most)
        found.save(out)
    except TooLittle as error:
        raise Undecided(str(error)) from None
    except (AskingFailed, DaemonFailed, PromptsError, OSError) as error:
        raise Failed(str(error)) from None
    tell("\n".join([*lines(found), f"written to {out}"]))


def _enough(file: Path) -> list[Prompt]:
    """The prompts of a file. Raises TooLittle when right answers to all of them would not do."""
    prompts = read(file)
    if len(prompts) < FEWEST:
        raise TooLittle(
            f"--prompts {str(file)!r}: has {len(prompts)} prompts, and at least {FEWEST} have to "
            "be answered right; nothing was asked. Give more prompts"
        )
    return prompts


def calibration(collected: Collected, most: int) -> Calibration:
    """Score the heads and choose. Raises TooLittle and Failed."""
    identity = _identity(collected)
    scores = score(collected.samples.to_batches(), collected.right)
    chosen = choose(scores, most)
    layers = tuple(identity["layers"])
    every = [
        _head(scores, layer, place, head)
        for place, layer in enumerate(layers)
        for head in range(identity["heads"])
    ]
    return Calibration(
        model_name=identity["model_name"],
        model_revision=identity["model_revision"],
        created=datetime.now(UTC),
        layers=layers,
        heads=identity["heads"],
        prompts=collected.prompts,
        right=scores.right,
        samples=scores.samples,
        chosen=tuple(every[place * identity["heads"] + head] for place, head in chosen),
        scores=tuple(every),
    )


def _head(scores: Scores, layer: int, place: int, head: int) -> HeadScore:
    """Rounded: more digits than these say nothing."""
    return HeadScore(
        layer=layer,
        head=head,
        score=round(float(scores.score[place, head]), 4),
        low=round(float(scores.low[place, head]), 4),
        high=round(float(scores.high[place, head]), 4),
    )


def _identity(collected: Collected) -> dict[str, Any]:
    """What all samples have in common, if there are any. Raises Failed when they do not."""
    rows = collected.samples.select(IDENTITY).to_pylist()
    several = [name for name in IDENTITY if any(row[name] != rows[0][name] for row in rows)]
    if several:
        values = sorted({str(row[several[0]]) for row in rows})
        raise Failed(f"samples should have one {several[0]}, found {', '.join(values)}")
    return dict(rows[0]) if rows else {}


def _tell_losses(collected: Collected, tell: Tell) -> None:
    for reason, count in collected.lost.items():
        tell(f"left out {count} of {collected.prompts} prompts: {reason}")
    if collected.failure:
        tell(f"a request failed with: {collected.failure}")
    if collected.missing_steps:
        tell(f"no sample of {collected.missing_steps} steps")


@contextmanager
def _ended_cleanly() -> Iterator[None]:
    """A polite kill ends the run as Ctrl-C does, so that settings are put back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
