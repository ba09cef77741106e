"""Whether an answer states a value."""

import re


def contains(text: str, words: str) -> bool:
    """Whether ``words`` stand in ``text`` with no part of another word or number beside them.

    Only ASCII letters and digits count as such: not every script puts spaces between words.

    >>> contains("It costs 2 crowns.", "2 crowns"), contains("It costs 42 crowns.", "2 crowns")
    (True, False)
    >>> contains("It costs 4.2 crowns.", "2 crowns"), contains("From 16:30 on.", "30")
    (False, False)
    """
    whole = rf"(?<!\w)(?<!\d[.,:]){re.escape(words)}(?!\w)(?![.,:]\d)"
    return re.search(whole, text, re.ASCII) is not None
