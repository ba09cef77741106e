"""The W3C header `baggage`: comma-separated `key=value;properties`, values percent-encoded."""

from collections.abc import Collection
from urllib.parse import unquote

from sidecar.tap.attention_field import NAME_LENGTH


def tags(header: str | None, keys: Collection[str]) -> dict[str, str]:
    """The members that ``keys`` names, as tags; a long value is cut.

    >>> tags("tenant=a%20b;ttl=1, user=7", ["tenant"])
    {'tenant': 'a b'}
    """
    if not header or not keys:
        return {}
    members = (member.partition(";")[0].partition("=") for member in header.split(","))
    found = {key.strip(): unquote(value.strip())[:NAME_LENGTH] for key, _, value in members}
    return {key: found[key] for key in keys if found.get(key)}
