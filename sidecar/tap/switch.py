"""The kill switch."""

import os


def enabled() -> bool:
    """Whether ``ATTENTION_TAP`` is not ``off`` (or 0, false, no)."""
    return os.environ.get("ATTENTION_TAP", "on").lower() not in ("off", "0", "false", "no")
