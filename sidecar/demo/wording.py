"""What stands around a statement: two sets, one for training and one that training never shows."""

import random
import string
from dataclasses import dataclass

_INVENTED = 8


@dataclass(frozen=True)
class Wording:
    """The English around statements and questions."""

    openings: tuple[str, ...]
    """Before a statement; the statement goes on in lower case after a comma."""
    asides: tuple[str, ...]
    """At the end of a statement."""
    remarks: tuple[str, ...]
    """Sentences beside a statement that answer nothing."""
    requests: tuple[str, ...]
    """Before a question."""


SEEN = Wording(
    openings=(
        "Note:",
        "From the handbook:",
        "By the list,",
        "Entry of the week:",
        "After the last count,",
        "To all branches:",
        "As in the catalogue,",
        "From the minutes:",
    ),
    asides=("as agreed", "for now", "by the list", "since spring", "as before", "in all shops"),
    remarks=(
        "Prices may change in spring.",
        "This page is checked twice a year.",
        "Ask at the counter for details.",
        "The list is kept by the main office.",
        "Customers have praised this more than once.",
        "An older notice said otherwise and is void.",
        "Please quote this note when you write to us.",
        "Nothing else has changed since last year.",
        "The printed catalogue has a picture.",
        "See the notice board for the rest.",
    ),
    requests=("Please tell me:", "One question:", "For a customer:"),
)

UNSEEN = Wording(
    openings=(
        "Update from the front desk:",
        "According to the register,",
        "Memo 14:",
        "For the record,",
        "Extract of the staff letter:",
        "At the time of print,",
    ),
    asides=("at last count", "as announced", "by our records", "until further notice"),
    remarks=(
        "Copies of this memo hang beside the door.",
        "Our clerks can show the signed original.",
        "Earlier letters are kept in the cellar.",
        "Questions reach us best before noon.",
        "Two readers asked about it in March.",
        "The next revision is due after the holidays.",
    ),
    requests=("A caller wants to know:", "Could you look this up?"),
)


def with_nonsense(wording: Wording, draw: random.Random) -> Wording:
    """``wording`` and phrases that mean nothing, eight of each kind, so that a model skips any.

    Made anew for every batch: a handful of sentences is soon known by heart, and a model that has
    seen no others stumbles over the first new one.
    """
    return Wording(
        wording.openings + tuple(map(str.capitalize, _phrases(draw, ":", ","))),
        wording.asides + _phrases(draw, ""),
        wording.remarks + tuple(map(str.capitalize, _phrases(draw, "."))),
        wording.requests + tuple(map(str.capitalize, _phrases(draw, ":", "?"))),
    )


def _phrases(draw: random.Random, *ends: str) -> tuple[str, ...]:
    return tuple(_phrase(draw, draw.choice(ends)) for _ in range(_INVENTED))


def _phrase(draw: random.Random, end: str) -> str:
    words = (
        "".join(draw.choices(string.ascii_lowercase, k=draw.randint(1, 8)))
        for _ in range(draw.randint(1, 6))
    )
    return " ".join(words) + end
