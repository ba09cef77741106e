"""A writer that finishes file after file in four hours, and prints the ids that are in them.

For each line of stdin, ``FOLDER TIME HOUR``, it writes in a fork until that is killed, and prints
``pid N``, then the ids of each finished file in a line, and ``dead EXIT``.
"""

import os
import sys
import time
from itertools import count
from pathlib import Path

import pyarrow as pa

from sidecar import archive, config
from tests.archive.samples import batch, ids


def write_for_ever(folder: Path, start: int, hour: int) -> None:
    templates = [batch(ids(5), time=start + number * hour) for number in range(4)]
    for number in count():
        template = templates[number % 4]
        names = ids(5, str(number))
        writer = archive.Writer(config.Archive(path=folder))
        writer.append(template.set_column(0, template.schema.field(0), pa.array(names)))
        writer.close()
        os.write(1, f"{' '.join(names)}\n".encode())
        time.sleep(0.05)


def main() -> None:
    for line in sys.stdin:
        folder, start, hour = line.split()
        child = os.fork()
        if child == 0:
            os.write(1, f"pid {os.getpid()}\n".encode())
            try:
                write_for_ever(Path(folder), int(start), int(hour))
            finally:
                os._exit(1)
        status = os.waitpid(child, 0)[1]
        os.write(1, f"dead {os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    main()
