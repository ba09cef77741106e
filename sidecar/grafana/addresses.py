"""Addresses that people give: taken when they can be one, otherwise told what is right."""

import re
from urllib.parse import SplitResult, urlsplit

_ADDRESS = re.compile(r"(https?://)(?:[^/?#@\s'\"]*@)?([^/?#@:\s'\"]+)[^\s'\"]*")


class AddressError(ValueError):
    """An address is none; the message has it and what is right."""


def address(text: str, such_as: str) -> SplitResult:
    """The parts of an HTTP address without user and password. Raises AddressError.

    >>> address("https://g.example.com/x", "https://grafana.example.com").hostname
    'g.example.com'
    """
    wrong = AddressError(f"{text!r}: should be an address such as {such_as}")
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - it is read to see whether it is a number
    except ValueError:
        raise wrong from None
    is_clean = text.isprintable() and " " not in text
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_clean:
        raise wrong
    if "@" in parts.netloc:
        raise AddressError(f"{parts.hostname!r}: should be given without user and password")
    return parts


def veiled(text: str) -> str:
    """The same with no more of any address in it than its host: the rest may be a secret.

    >>> veiled("settings.url: 'https://me:pw@pager.example.com/hook/x7?key=1' → 'y'")
    "settings.url: 'https://pager.example.com/…' → 'y'"
    """
    return _ADDRESS.sub(r"\1\2/…", text)
