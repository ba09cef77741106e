"""The baselines that are watched against, from one or more files."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from sidecar.drift import Baseline, BaselineError, load


def merged(paths: Sequence[Path]) -> Baseline:
    """All files as one. Raises BaselineError, also where they cannot be watched together."""
    found = [load(path) for path in paths]
    margins = sorted({one.margin for one in found})
    if len(margins) > 1:
        raise BaselineError(
            f"margins differ: {', '.join(f'{margin:g}' for margin in margins)}; "
            "build all files with one --margin"
        )
    try:
        return Baseline(
            created=max(one.created for one in found),
            where=" | ".join(one.where for one in found),
            margin=margins[0],
            signals=tuple(signal for one in found for signal in one.signals),
        )
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise BaselineError(f"{', '.join(map(str, paths))}: {message}") from None
