"""A seeded generator of an invented world: documents, questions, answers and distractors.

Names are invented, so that a model cannot know the facts and must read them. Equal seeds
give equal worlds.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from sidecar.demo import templates
from sidecar.demo.templates import Attribute
from sidecar.demo.values import Values
from sidecar.demo.wording import SEEN, Wording

ROUTES = tuple(templates.ROUTES)
FEWEST_DOCUMENTS, MOST_DOCUMENTS = 3, 10
_ANSWER, _REFUSAL = "{topic}: {statement}", "{topic}: {entity}? The documents do not say."

_OPENING_RATE, _ASIDE_RATE, _REQUEST_RATE = 0.3, 0.15, 0.2
RELATED_RATE = 0.6


@dataclass(frozen=True)
class Fact:
    """One true sentence of the world and the way to ask for it."""

    route: str
    entity: str
    kind: str
    topic: str
    value: str
    statement: str
    question: str

    @property
    def key(self) -> tuple[str, str]:
        """What is asked for: entity and kind."""
        return self.entity, self.kind

    @property
    def answer(self) -> str:
        """The answer when a document states the fact: its topic and the statement."""
        return _ANSWER.format(topic=self.topic, statement=self.statement)

    @property
    def refusal(self) -> str:
        """The answer when no document states the fact."""
        return _REFUSAL.format(topic=self.topic, entity=_capital(self.entity))


@dataclass(frozen=True)
class Document:
    """One retrieved passage: the statement of a fact, perhaps with an opening and remarks."""

    id: str
    text: str
    fact: Fact


@dataclass(frozen=True)
class Case:
    """Retrieved documents with a question that one of them answers, or none."""

    documents: tuple[Document, ...]
    fact: Fact
    """The fact that is asked for."""
    gold: int | None
    """Position of the document that answers; None when no document does."""

    @property
    def route(self) -> str:
        """The route the question belongs to."""
        return self.fact.route

    @property
    def question(self) -> str:
        """The user's question."""
        return self.fact.question

    @property
    def answer(self) -> str:
        """What the gold document states, or the refusal."""
        return self.fact.refusal if self.gold is None else self.fact.answer


class World:
    """Draws facts, documents and questions from one seed, without end."""

    def __init__(
        self, seed: int | str, wording: Wording = SEEN, *, related: float = RELATED_RATE
    ) -> None:
        """``related`` is the share of facts drawn to share entity or attribute with another."""
        self._random = random.Random(f"world-{seed}")  # noqa: S311
        self._values = Values(self._random)
        self._wording, self._related = wording, related

    def case(
        self,
        *,
        route: str | None = None,
        documents: int | None = None,
        about: Fact | None = None,
        answerable: bool = True,
        remarks: tuple[int, int] = (0, 1),
    ) -> Case:
        """A question with 3 to 10 documents, or as many as asked for.

        It asks ``about`` a given fact or a new one. Distractors share the entity or the attribute
        where they can; no other document contains the answer's value. Without ``answerable`` the
        document that answers is left out. ``remarks`` is the fewest and most a document has.
        """
        count = documents or self._values.between(FEWEST_DOCUMENTS, MOST_DOCUMENTS)
        route = about.route if about else route or self._random.choice(ROUTES)
        facts = self.facts(route, count + (not answerable), [about] if about else ())
        asked = facts[0]
        if not answerable:
            facts = facts[1:]
        self._random.shuffle(facts)
        passages = tuple(self.document(fact, remarks=remarks) for fact in facts)
        return Case(passages, asked, facts.index(asked) if answerable else None)

    def facts(self, route: str, count: int, given: Sequence[Fact] = ()) -> list[Fact]:
        """``given`` and new facts of one route, differing in entity or attribute and in value."""
        facts = list(given)
        while len(facts) < count:
            entity, attribute = self._subject(route, facts)
            fact = self._fact(route, entity, attribute)
            if not any(_confusable(fact, other) for other in facts):
                facts.append(fact)
        return facts

    def revised(self, fact: Fact) -> Fact:
        """The same subject with another value, stated and asked for in words drawn anew."""
        attribute = next(one for one in templates.ROUTES[fact.route] if one.kind == fact.kind)
        while True:
            other = self._fact(fact.route, fact.entity, attribute)
            if not _confusable(other, fact, same_subject=True):
                return other

    def document(self, fact: Fact, *, remarks: tuple[int, int] = (0, 1)) -> Document:
        """A passage that states ``fact``."""
        parts = [self._opened(fact.statement)]
        for remark in self._random.sample(self._wording.remarks, self._values.between(*remarks)):
            parts.insert(self._values.between(0, len(parts)), remark)
        return Document(f"{fact.route}-{self._random.getrandbits(32):08x}", " ".join(parts), fact)

    def _opened(self, statement: str) -> str:
        if self._random.random() >= _OPENING_RATE:
            return statement
        opening = self._random.choice(self._wording.openings)
        goes_on = statement[0].lower() + statement[1:] if opening.endswith(",") else statement
        return f"{opening} {goes_on}"

    def _subject(self, route: str, facts: list[Fact]) -> tuple[str, Attribute]:
        attributes = templates.ROUTES[route]
        entity, attribute = self._values.entity(route), self._random.choice(attributes)
        if facts and self._random.random() < self._related:
            other = self._random.choice(facts)
            if self._random.random() < 0.5:
                entity = other.entity
            else:
                attribute = next(one for one in attributes if one.kind == other.kind)
        return entity, attribute

    def _fact(self, route: str, entity: str, attribute: Attribute) -> Fact:
        value = self._values.value(attribute.kind)
        statement = self._random.choice(attribute.statements)
        if self._random.random() < _ASIDE_RATE:
            aside = self._random.choice(self._wording.asides)
            statement = f"{statement.removesuffix('.')}, {aside}."
        question = self._random.choice(attribute.questions).format(e=entity)
        if self._random.random() < _REQUEST_RATE:
            question = f"{self._random.choice(self._wording.requests)} {question}"
        sentence = _capital(statement.format(e=entity, v=value))
        return Fact(route, entity, attribute.kind, attribute.topic, value, sentence, question)


def _confusable(fact: Fact, other: Fact, *, same_subject: bool = False) -> bool:
    same_question = fact.key == other.key and not same_subject
    return same_question or fact.value in other.statement or other.value in fact.statement


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
