"""The address of the HTTP side."""

import errno
import socket

from sidecar.daemon.sockets import AddressError


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises AddressError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise AddressError(_refusal(host, port, error)) from None
    return listener


def _refusal(host: str, port: int, error: OSError) -> str:
    """Why an address cannot be listened on, and what to do."""
    if isinstance(error, socket.gaierror):
        return (
            f"http.host: the host {host!r} cannot be resolved: {error.strerror}; "
            "should be an address of this machine, such as 127.0.0.1"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"http.host: {host!r} is no address of this machine; 127.0.0.1 always is"
    advice = "choose another with --set http.port=PORT"
    if error.errno == errno.EADDRINUSE:
        advice = f"is another daemon running? Stop it, or {advice}"
    return f"http.port: cannot listen on {host}:{port}: {error.strerror}; {advice}"
