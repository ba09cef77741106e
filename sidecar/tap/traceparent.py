"""The W3C Trace Context header `traceparent`: version-traceid-parentid-flags, in lower-case hex."""

import re

_FORM = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_LENGTH = 512


def is_valid(header: object) -> bool:
    """Whether a header follows https://www.w3.org/TR/trace-context/#traceparent-header.

    Versions after 00 may append fields.

    >>> is_valid("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    True
    >>> is_valid("00-00000000000000000000000000000000-b7ad6b7169203331-01")
    False
    """
    if not isinstance(header, str) or len(header) > _LENGTH:
        return False
    match = _FORM.match(header)
    if match is None:
        return False
    rest = header[match.end() :]
    return not rest or (match[1] != "00" and rest.startswith("-"))


def trace_id(header: str) -> str:
    """The trace id of a valid header: 32 hex digits."""
    return header[3:35]
