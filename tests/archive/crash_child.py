"""A writer process to kill: forks a writer for each line of stdin and prints what it acknowledges.

Lines of output: ``pid N``, then ``NAME COUNT`` for each batch that `append` took, then ``dead
EXIT``. Forking from a process that has imported everything makes a round cost milliseconds.
"""

import os
import random
import sys
from pathlib import Path

import pyarrow as pa

from sidecar import archive, config
from tests.archive.samples import batch, ids

BATCHES = [batch(ids(count)) for count in (1, 5, 40)]


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def write_for_ever(folder: Path, name: str) -> None:
    settings = config.Archive(path=folder, roll_seconds=0.02, roll_mb=1)
    writer = archive.Writer(settings)
    rng = random.Random(name)
    number = 0
    while True:
        number += 1
        template = rng.choice(BATCHES)
        names = ids(len(template), f"{name}-{number}")
        writer.append(template.set_column(0, template.schema.field(0), pa.array(names)))
        say(f"{name}-{number} {len(template)}")
        writer.tick()


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                write_for_ever(Path(sys.argv[1]), line.strip())
            finally:
                os._exit(1)
        say(f"pid {child}")
        status = os.waitpid(child, 0)[1]
        say(f"dead {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main()
