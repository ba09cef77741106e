"""The tokens that vLLM's `sample_tokens` returned: on the host already, or on their way there."""

from typing import Any

from sidecar.tap.engines.base import Emission


def emission(output: Any) -> Emission:
    """Of either runner's output; what is of another form says that it knows no token.

    Arrays and event are kept, not the output, which drops its own once the scheduler took it.
    """
    for event, tokens in _ASYNCHRONOUS:
        if hasattr(output, event) and hasattr(output, tokens):
            return Arriving(getattr(output, event), getattr(output, tokens))
    return Arrived(getattr(output, "sampled_token_ids", None))


_ASYNCHRONOUS = (
    ("async_copy_ready_event", "sampled_token_ids_cpu"),  # V1, asynchronous scheduling
    ("copy_event", "sampled_token_ids"),  # V2
)


class Arrived:
    """A list of each row's tokens, as synchronous scheduling gives it."""

    def __init__(self, tokens: Any) -> None:
        self._tokens = tokens if isinstance(tokens, list) else []

    def ready(self) -> bool:
        return True

    def token(self, row: int) -> int | None:
        """The first token of a row; None where it has none."""
        if row >= len(self._tokens) or not len(self._tokens[row]):
            return None
        return int(self._tokens[row][0])


class Arriving:
    """An array ``[rows, tokens]`` that is being copied to the host until its event has passed."""

    def __init__(self, event: Any, tokens: Any) -> None:
        self._event, self._tokens = event, tokens

    def ready(self) -> bool:
        return bool(self._event.query())

    def token(self, row: int) -> int | None:
        """The first token of a row; None past the last row."""
        return int(self._tokens[row, 0]) if row < len(self._tokens) else None
