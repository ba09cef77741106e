"""Values and names of the invented world, drawn at random."""

import random
from collections.abc import Callable

from sidecar.demo import words


class Values:
    """Draws from one source of randomness."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        self._values: dict[str, Callable[[], str]] = {
            "price": lambda: f"{self.between(2, 99)} crowns",
            "weight": lambda: f"{self.between(2, 99)} kilos",
            "warranty": lambda: f"{self.between(3, 72)} months",
            "delivery": lambda: f"{self.between(2, 28)} days",
            "window": lambda: f"{self.between(2, 90)} days",
            "colour": lambda: source.choice(words.COLOURS),
            "town": self.name,
            "date": self._date,
            "room": lambda: f"room {self.between(2, 99)}",
            "department": lambda: source.choice(words.DEPARTMENTS),
            "extension": lambda: f"extension {self.between(100, 999)}",
            "person": self._person,
            "opening": lambda: f"{self.between(6, 11)}:{self.between(0, 5)}0",
            "closing": lambda: f"{self.between(14, 23)}:{self.between(0, 5)}0",
            "fee": lambda: f"{self.between(2, 40)} percent",
        }
        self._entities: dict[str, Callable[[], str]] = {
            "shop": lambda: f"the {self.name()} {source.choice(words.ITEMS)}",
            "staff": lambda: f"agent {self._person()}",
            "policy": lambda: f"the {self.name()} {source.choice(words.PLACES)}",
        }

    def value(self, kind: str) -> str:
        """A value of a kind of fact, such as `42 crowns`."""
        return self._values[kind]()

    def entity(self, route: str) -> str:
        """Something a route's facts are about, with its article or title."""
        return self._entities[route]()

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return self._random.randint(low, high)

    def name(self) -> str:
        """A name of two parts, such as `Dalford`."""
        choose = self._random.choice
        first = choose(words.ONSETS) + choose(words.VOWELS) + choose(words.CODAS)
        return first.capitalize() + choose(words.ENDINGS)

    def _person(self) -> str:
        return f"{self.name()} {self.name()}"

    def _date(self) -> str:
        return f"{self.between(1, 28)} {self._random.choice(words.MONTHS)}"
