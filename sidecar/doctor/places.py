"""Are the sockets there and ours, and can the archive be written?"""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from sidecar.config import Wire
from sidecar.doctor.check import Check, fail, ok, warn

CONNECT_SECONDS = 2.0
LITTLE_SPACE = 5 << 30
NO_SPACE = 200 << 20
START = "start the daemon: attention-sidecar daemon"


def sockets(wire: Wire) -> Iterator[Check]:
    """Whether somebody listens on both addresses, and whom the files belong to."""
    for name in ("samples", "control"):
        address = getattr(wire, name)
        yield _socket(f"{name} socket", address)


def archive(path: Path) -> Check:
    """Whether the folder, or the one it will be made in, can be written and has room."""
    folder = path.absolute()
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        advice = "give the daemon's user the right to write, or set archive.path"
        return fail("archive", f"{folder}: {error.strerror}", advice)
    found = f"{path.absolute()} can be written, {free / 2**30:.1f} GiB free"
    if free < LITTLE_SPACE:
        advice = "make room, or set archive.per_head=false: a thirtieth of the size"
        return (fail if free < NO_SPACE else warn)("archive", found, advice)
    return ok("archive", found)


def _socket(name: str, address: str) -> Check:
    parts = urlsplit(address)
    if parts.scheme == "ipc":
        return _file_socket(name, Path(address.removeprefix("ipc://")))
    target = (parts.hostname or "", parts.port or 0)
    try:
        socket.create_connection(target, CONNECT_SECONDS).close()
    except OSError as error:
        return fail(name, f"{address}: {error}", START)
    return ok(name, f"{address} is open")


def _file_socket(name: str, path: Path) -> Check:
    if not path.is_socket():
        return fail(name, f"{path} is not there", f"{START}, as this user; compare XDG_RUNTIME_DIR")
    owner = path.stat().st_uid
    if owner not in (os.getuid(), 0):
        advice = "run engine and daemon as one user, or set wire.* to addresses both can use"
        return fail(name, f"{path} belongs to user {owner}, this is user {os.getuid()}", advice)
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(CONNECT_SECONDS)
        try:
            probe.connect(str(path))
        except OSError as error:
            return fail(name, f"{path}: {error.strerror}, nobody listens", START)
    return ok(name, f"{path} is open and ours")
