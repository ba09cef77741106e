"""Prompts with known answers, as JSON lines: ``python -m sidecar.demo.questions --out FILE``.

Each line has ``messages`` of a chat with its documents pasted in, ``documents`` with ``id`` and
``text`` as they stand there, and ``answer``, the value that one of them states.
"""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from sidecar.demo.corpus import Corpus
from sidecar.demo.traffic import documents, messages


def questions(seed: str) -> Iterator[dict[str, Any]]:
    """Healthy cases without end. As in the demo's traffic half are about the same 150 subjects."""
    corpus = Corpus(f"questions-{seed}")
    while True:
        case = corpus.case()
        yield {
            "messages": messages(case),
            "documents": documents(case),
            "answer": case.fact.value,
        }


def write(file: Path, count: int, *, seed: str) -> None:
    """Write ``count`` prompts, one a line."""
    with file.open("w") as lines:
        for one in islice(questions(seed), count):
            lines.write(f"{json.dumps(one)}\n")


@click.command()
@click.option(
    "--questions",
    "count",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    help="Prompts to write.",
)
@click.option("--seed", default="0", show_default=True, help="Another seed gives other prompts.")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="File to write, one prompt a line.",
)
def main(count: int, seed: str, out: Path) -> None:
    """Write prompts with known answers for the calibration of heads."""
    try:
        write(out, count, seed=seed)
    except OSError as error:
        reason = f"{str(out)!r} cannot be written: {error.strerror}."
        raise click.BadParameter(reason, param_hint="'--out'") from None
    click.echo(f"{count} prompts in {out}")


if __name__ == "__main__":
    main()
