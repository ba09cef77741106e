"""The two ZeroMQ sockets of the daemon: bound once, in folders of this user alone."""

import fcntl
import ipaddress
import os
import stat
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import IO, Self
from urllib.parse import urlsplit

import zmq

from sidecar.config import Wire, runtime_dir

MAX_FRAME_BYTES = 64 << 20
"""A peer that sends a larger frame is disconnected by ZeroMQ."""


class AddressError(RuntimeError):
    """An address cannot be used; the message says which and what to do."""


class Sockets:
    """PULL for samples and status, PUB for the sampling settings. Used from one thread."""

    def __init__(self, settings: Wire) -> None:
        with ExitStack() as opening:
            for field in ("samples", "control"):
                opening.enter_context(_reserved(settings, field))
            context = opening.enter_context(zmq.Context())
            self._pull = opening.enter_context(context.socket(zmq.PULL))
            self._pull.rcvhwm = settings.high_water_mark
            self._pull.maxmsgsize = MAX_FRAME_BYTES
            self._publish = opening.enter_context(context.socket(zmq.PUB))
            _bind(self._pull, settings, "samples")
            _bind(self._publish, settings, "control")
            self._closing = opening.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def ready(self, seconds: float) -> bool:
        """Wait until a message is there."""
        return bool(self._pull.poll(int(seconds * 1000)))

    def receive(self) -> Sequence[zmq.Frame] | None:
        """The next message's parts, None when there is none."""
        try:
            return self._pull.recv_multipart(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return None

    def publish(self, parts: Sequence[bytes]) -> None:
        """Send to whoever listens."""
        self._publish.send_multipart(parts)


def _bind(socket: "zmq.Socket[bytes]", settings: Wire, field: str) -> None:
    address: str = getattr(settings, field)
    socket.linger = 0
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        raise AddressError(f"wire.{field}: cannot listen on {address!r}: {error}") from None
    if settings.shared and address.startswith("ipc://"):
        # Whoever connects must be able to write the socket, and an engine may be any user.
        Path(address.removeprefix("ipc://")).chmod(0o666)


def _reserved(settings: Wire, field: str) -> AbstractContextManager[object]:
    """What must be held from before an address is bound until after it is closed."""
    address: str = getattr(settings, field)
    parts = urlsplit(address)
    if parts.scheme == "ipc":
        return _locked(Path(address.removeprefix("ipc://")), field, shared=settings.shared)
    if parts.scheme == "tcp":
        _check_host(parts.hostname or "", address, settings, field)
        return nullcontext()
    raise AddressError(f"wire.{field}: should start with ipc:// or tcp://, got {address!r}")


def _locked(path: Path, field: str, *, shared: bool) -> IO[bytes]:
    """Lock a socket's place: ZeroMQ would silently take it from another daemon."""
    private_folder(path.parent, shared=shared)
    place = path.with_name(f"{path.name}.lock")
    try:
        lock = place.open("wb")
    except OSError as error:
        raise AddressError(
            f"wire.{field}: cannot write {str(place)!r}: {error.strerror}; "
            "remove it, or choose a folder that this user can write"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise AddressError(
            f"wire.{field}: another daemon listens on 'ipc://{path}'; stop it or choose another"
        ) from None
    return lock


def private_folder(path: Path, *, shared: bool = False) -> None:
    """Make a folder that only this user can enter, or look whether the one there can be used.

    The runtime folder must be this user's alone; one that the operator named may be shared, but
    nobody else may take our files away in it, unless it is said to be ``shared``. Raises
    AddressError.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = path.lstat()
    except OSError as error:
        raise AddressError(f"cannot make the folder {str(path)!r}: {error.strerror}") from None
    fault = _fault(state, ours_alone=path == runtime_dir(), shared=shared)
    if fault:
        raise AddressError(f"the folder {str(path)!r} {fault}")


def _fault(state: os.stat_result, *, ours_alone: bool, shared: bool) -> str:
    """What is wrong with a folder, and what to do; empty when nothing is."""
    user, mode = os.getuid(), stat.S_IMODE(state.st_mode)
    if not stat.S_ISDIR(state.st_mode):
        return "should be a folder and no link; remove it, or name the folder itself in wire.*"
    if state.st_uid != user and (ours_alone or state.st_uid != 0):
        return (
            f"belongs to user {state.st_uid}, this is user {user}; remove it, "
            f"chown it to {user}, or set XDG_RUNTIME_DIR or wire.* to folders of this user"
        )
    if ours_alone and mode & 0o077:
        return f"is open to other users (mode {mode:04o}); chmod 700 it"
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX and not shared:
        return (
            f"can be changed by every user (mode {mode:04o}); chmod o-w or +t it, "
            "name a folder inside it in wire.*, or set wire.shared=true for a pod's own volume"
        )
    return ""


def _check_host(host: str, address: str, settings: Wire, field: str) -> None:
    local = host == "localhost"
    if not local and host not in ("*", ""):
        try:
            local = ipaddress.ip_address(host).is_loopback
        except ValueError:
            local = False
    if not (local or settings.remote):
        raise AddressError(
            f"wire.{field}: {address!r} is open to other machines, which nothing protects; "
            "use tcp://127.0.0.1:PORT, or set wire.remote=true"
        )
