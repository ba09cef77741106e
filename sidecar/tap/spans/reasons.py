"""Why a document was not found."""

from typing import Literal, get_args

Reason = Literal[
    "not_in_prompt",
    "overlap",
    "ambiguous",
    "empty",
    "out_of_range",
    "shared",
    "in_sink",
    "no_tokenizer",
]
REASONS: tuple[str, ...] = get_args(Reason)
