"""The bearer token for writes over HTTP."""

import hmac
import os
import secrets
from pathlib import Path

from sidecar.config import runtime_dir
from sidecar.daemon.sockets import AddressError, private_folder


def token_file() -> Path:
    """Where the made token is kept, readable by this user alone."""
    return runtime_dir() / "token"


def obtain(configured: str | None) -> str:
    """The configured token, or the one in the runtime folder, made when there is none.

    Raises AddressError when the folder cannot be used.
    """
    if configured:
        return configured
    path = token_file()
    private_folder(path.parent)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _kept(path)
    with os.fdopen(descriptor, "w") as file:
        token = secrets.token_urlsafe(32)
        file.write(token)
    return token


def _kept(path: Path) -> str:
    state = path.stat()
    if state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise AddressError(f"the token {str(path)!r} is open to other users; remove it")
    token = path.read_text().strip()
    if not token:
        raise AddressError(f"the token {str(path)!r} is empty; remove it")
    return token


def matches(header: str | None, token: str) -> bool:
    """Whether an ``Authorization`` header carries the token; takes the same time either way."""
    given = (header or "").removeprefix("Bearer ")
    return hmac.compare_digest(given.encode(), token.encode())
