"""A writer whose disk runs full: the kernel limits the size of its files.

Prints one JSON object with what happened. ``argv``: the folder and the scenario.
"""

import json
import resource
import signal
import sys
from pathlib import Path

from sidecar import archive, config
from tests.archive.samples import HOUR, START, batch, ids

LIMIT = 300_000


def limit(size: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


def fill(writer: archive.Writer, accepted: list[str], **at: int) -> tuple[int, str]:
    """Append until the disk is full; the number of the batch that did not go in, and why."""
    for number in range(10_000):
        names = ids(7, f"batch{number}")
        try:
            writer.append(batch(names, **at))
        except archive.StorageError as error:
            return number, str(error)
        accepted += names
    raise AssertionError("the disk never ran full")


def main() -> None:
    folder, scenario = Path(sys.argv[1]), sys.argv[2]
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    writer = archive.Writer(config.Archive(path=folder))
    accepted: list[str] = []
    error = ""
    if scenario == "full":
        limit(LIMIT)
        number, error = fill(writer, accepted)
        limit(resource.RLIM_INFINITY)
        writer.append(batch(ids(7, f"batch{number}")))
        accepted += ids(7, f"batch{number}")
    elif scenario == "half":
        filler = ids(200, "filler")
        writer.append(batch(filler, time=START + HOUR))
        limit(LIMIT)
        _, error = fill(writer, filler, time=START + HOUR)
        over = batch(ids(40, "over"), time=START + HOUR // 2 - 20_000)
        try:
            writer.append(over)
        except archive.StorageError as failure:
            error = str(failure)
        accepted += filler
        limit(resource.RLIM_INFINITY)
    elif scenario == "staging":
        accepted = ids(50)
        writer.append(batch(accepted))
        limit(1000)
    writer.close()
    counts = vars(writer.counts)
    print(json.dumps({"accepted": accepted, "error": error, "counts": counts}))


if __name__ == "__main__":
    main()
