"""A seeded generator of an invented world: documents, questions, answers and distractors.

Names are made of syllables, so that a model cannot know the facts and must read them. Equal seeds
give equal worlds.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from sidecar.demo import templates
from sidecar.demo.templates import Attribute

ROUTES = tuple(templates.ROUTES)
FEWEST_DOCUMENTS, MOST_DOCUMENTS = 3, 8

_REMARK_RATE = 0.4
_RELATED_RATE = 0.6


@dataclass(frozen=True)
class Fact:
    """One true sentence of the world and the way to ask for it."""

    route: str
    entity: str
    kind: str
    value: str
    statement: str
    question: str


@dataclass(frozen=True)
class Document:
    """One retrieved passage: the statement of a fact, sometimes with a remark."""

    id: str
    text: str
    fact: Fact


@dataclass(frozen=True)
class Case:
    """Retrieved documents with a question that exactly one of them answers."""

    route: str
    documents: tuple[Document, ...]
    gold: int
    """Position of the document that answers."""

    @property
    def fact(self) -> Fact:
        """The fact that is asked for."""
        return self.documents[self.gold].fact

    @property
    def question(self) -> str:
        """The user's question."""
        return self.fact.question

    @property
    def answer(self) -> str:
        """The sentence of the gold document that answers."""
        return self.fact.statement


class World:
    """Draws facts, documents and questions from one seed, without end."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(f"world-{seed}")  # noqa: S311
        self._values: dict[str, Callable[[], str]] = {
            "price": lambda: f"{self._between(3, 980)} crowns",
            "weight": lambda: f"{self._between(12, 99) * 10} grams",
            "warranty": lambda: f"{self._between(3, 72)} months",
            "delivery": lambda: f"{self._between(2, 28)} days",
            "window": lambda: f"{self._between(2, 90)} days",
            "colour": lambda: self._random.choice(templates.COLOURS),
            "town": self._name,
            "date": self._date,
            "room": lambda: f"room {self._between(101, 799)}",
            "department": lambda: self._random.choice(templates.DEPARTMENTS),
            "extension": lambda: f"extension {self._between(1000, 9999)}",
            "person": self._person,
            "opening": lambda: f"{self._between(6, 11)}:{self._between(0, 5)}0",
            "closing": lambda: f"{self._between(14, 23)}:{self._between(0, 5)}0",
            "fee": lambda: f"{self._between(2, 40)} percent",
        }
        self._entities: dict[str, Callable[[], str]] = {
            "shop": lambda: f"{self._name()} {self._random.choice(templates.ITEMS)}",
            "staff": self._person,
            "policy": lambda: f"the {self._name()} {self._random.choice(templates.PLACES)}",
        }

    def case(self, *, route: str | None = None, documents: int | None = None) -> Case:
        """A question with 3 to 8 documents, or as many as asked for, gold among them.

        Distractors share the entity or the attribute where they can. No other document contains
        the answer's value.
        """
        route = route or self._random.choice(ROUTES)
        count = documents or self._between(FEWEST_DOCUMENTS, MOST_DOCUMENTS)
        facts = self.facts(route, count)
        passages = tuple(self._document(fact) for fact in facts)
        return Case(route, passages, self._random.randrange(count))

    def facts(self, route: str, count: int) -> list[Fact]:
        """Facts of one route that differ in entity or attribute and share no value."""
        facts: list[Fact] = []
        while len(facts) < count:
            entity, attribute = self._subject(route, facts)
            fact = self._fact(route, entity, attribute)
            if not any(_confusable(fact, other) for other in facts):
                facts.append(fact)
        return facts

    def _subject(self, route: str, facts: list[Fact]) -> tuple[str, Attribute]:
        attributes = templates.ROUTES[route]
        entity, attribute = self._entities[route](), self._random.choice(attributes)
        if facts and self._random.random() < _RELATED_RATE:
            other = self._random.choice(facts)
            if self._random.random() < 0.5:
                entity = other.entity
            else:
                attribute = next(one for one in attributes if one.kind == other.kind)
        return entity, attribute

    def _fact(self, route: str, entity: str, attribute: Attribute) -> Fact:
        value = self._values[attribute.kind]()
        statement = self._random.choice(attribute.statements).format(e=entity, v=value)
        question = self._random.choice(attribute.questions).format(e=entity)
        return Fact(route, entity, attribute.kind, value, _capital(statement), question)

    def _document(self, fact: Fact) -> Document:
        text = fact.statement
        if self._random.random() < _REMARK_RATE:
            remark = self._random.choice(templates.REMARKS)
            text = " ".join(self._random.sample([text, remark], 2))
        return Document(f"{fact.route}-{self._random.getrandbits(32):08x}", text, fact)

    def _between(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def _name(self) -> str:
        return (self._syllable() + self._syllable()).capitalize()

    def _syllable(self) -> str:
        choose = self._random.choice
        return choose(templates.ONSETS) + choose(templates.VOWELS) + choose(templates.CODAS)

    def _person(self) -> str:
        return f"{self._name()} {self._name()}"

    def _date(self) -> str:
        month = self._random.choice(templates.MONTHS)
        return f"{self._between(1, 28)} {month} {self._between(2031, 2049)}"


def _confusable(fact: Fact, other: Fact) -> bool:
    same_question = (fact.entity, fact.kind) == (other.entity, other.kind)
    return same_question or fact.value in other.statement or other.value in fact.statement


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
