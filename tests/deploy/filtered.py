"""Runs a command under the filter of system calls that systemd would make for a unit.

`libseccomp` is what systemd makes it with. Of the groups of calls the unit may name those that
`systemd-analyze syscall-filter` knows.
"""

import ctypes
import errno
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.deploy import units

_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_ERROR = 0x00050000


def allowed(unit: dict[str, list[str]]) -> set[str]:
    """Names of calls, after each line of `SystemCallFilter` in turn."""
    names = set(_calls("@default"))
    for line in unit["SystemCallFilter"]:
        found = {name for word in line.lstrip("~").split() for name in _calls(word)}
        names = names - found if line.startswith("~") else names | found
    return names | {"execve"}


@cache
def _calls(word: str) -> frozenset[str]:
    if not word.startswith("@"):
        return frozenset({word})
    command = ["systemd-analyze", "--no-pager", "syscall-filter", word]
    told = subprocess.check_output(command, text=True).splitlines()[1:]
    words = [line.strip() for line in told if line.strip() and "#" not in line]
    return frozenset().union(*map(_calls, words))


def denied(unit: dict[str, list[str]]) -> int:
    """What becomes of every other call."""
    numbers = unit.get("SystemCallErrorNumber", ["kill"])
    return _KILL if numbers[-1] == "kill" else _ERROR | int(getattr(errno, numbers[-1]))


def load(names: set[str], otherwise: int) -> None:
    """Filter this process and what it becomes."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    made = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(otherwise)))
    for name in names:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # others are of another architecture
            assert library.seccomp_rule_add(made, ctypes.c_uint32(_ALLOW), number, 0) == 0, name
    assert library.seccomp_load(made) == 0


if __name__ == "__main__":
    service = units.service(Path(sys.argv[1]))
    load(allowed(service), denied(service))
    os.execvp(sys.argv[2], sys.argv[2:])
