"""A compaction that is killed, or has no room, at one of its steps on the disk.

For each line of stdin, ``HOW STEP FOLDER``, it compacts the folder in a fork. It prints ``pid N``,
then ``steps N`` unless it is killed, and ``dead EXIT``. ``HOW`` is

- ``kill`` or ``full``: before that step it is killed, or told that the disk is full; steps are what
  Python tells an audit hook: files that are opened, renamed, removed, made longer or given a time,
- ``limit``: the kernel takes files of so many bytes only.
"""

import errno
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sidecar.archive.compaction import UnderWay
from sidecar.archive.steps import Left
from tests.archive.disk_child import limit
from tests.archive.many_files import compact

EVENTS = {"open", "os.rename", "os.remove", "os.truncate", "os.utime", "os.mkdir"}


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def once(how: str, step: int, folder: Path) -> int:
    """Exit status: that of the command."""
    steps = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal steps
        if event not in EVENTS or not str(arguments[0]).startswith(str(folder)):
            return
        steps += 1
        if steps != step:
            return
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))

    if how == "limit":
        limit(step)
    else:
        sys.addaudithook(hook)
    try:
        failed = any(isinstance(one, Left) and one.failed for one in compact(folder))
    except (OSError, UnderWay):
        failed = True
    say(f"steps {steps}")
    return int(failed)


def main() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for line in sys.stdin:
        how, step, folder = line.split()
        child = os.fork()
        if child == 0:
            say(f"pid {os.getpid()}")
            try:
                os._exit(once(how, int(step), Path(folder)))
            finally:
                os._exit(9)
        status = os.waitpid(child, 0)[1]
        say(f"dead {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main()
