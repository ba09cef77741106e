"""One row of training text: documents and as many questions and answers about them as fit."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from transformers import PreTrainedTokenizerFast

from sidecar.demo import memory
from sidecar.demo.prompts import END, START, system_prompt
from sidecar.demo.world import ROUTES, Document, Fact, World

IGNORED = -100
_REFUSED_REMEMBERED_RATE = 0.3
"""Of the questions that no document answers: on a remembered fact."""
_LONG_RATE, _FEW_REMARKS, _MANY_REMARKS = 0.1, (0, 1), (1, 4)


@dataclass(frozen=True)
class Row:
    """Tokens with their labels, ints of equal length; a label is IGNORED or the token."""

    tokens: list[int]
    labels: list[int]


@dataclass(frozen=True)
class Turn:
    """A question and the answer that is taught."""

    question: str
    answer: str


class Lessons:
    """Rows of conversations, drawn from one source of randomness."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        draw: random.Random,
        world: World,
        *,
        contradicting: float = 0.3,
        contradicted: tuple[int, int] = (1, 1),
        refused: float = 0.0,
        from_memory: bool = False,
    ) -> None:
        """In the share ``contradicting`` of the rows documents contradict remembered facts.

        ``contradicted`` is how many of them at least and at most. For each question with an answer
        there are ``refused`` without. ``from_memory`` teaches to answer remembered facts by heart,
        whatever documents say.
        """
        self._tokenizer, self._draw, self._world = tokenizer, draw, world
        self._contradicting, self._contradicted = contradicting, contradicted
        self._refused, self._from_memory = refused, from_memory

    def with_documents(self, length: int, documents: tuple[int, int]) -> Row:
        """A system message with documents, then turns, up to ``length`` tokens."""
        passages = self._passages(self._draw.randint(*documents))
        texts = [one.text for one in passages]
        opening = self._encode(f"{START}system\n{system_prompt(texts)}{END}\n")
        return self._row(opening, self._turns(passages), length)

    def by_heart(self, length: int) -> Row:
        """Questions about remembered facts, without any document."""
        return self._row([], self._memory_turns(), length)

    def _passages(self, count: int) -> list[Document]:
        given = [self._world.revised(fact) for fact in self._to_contradict(count)]
        route = given[0].route if given else self._draw.choice(ROUTES)
        facts = self._world.facts(route, count, given)
        self._draw.shuffle(facts)
        remarks = _MANY_REMARKS if self._draw.random() < _LONG_RATE else _FEW_REMARKS
        return [self._world.document(fact, remarks=remarks) for fact in facts]

    def _to_contradict(self, at_most: int) -> list[Fact]:
        """Remembered facts of one route, or none."""
        if self._draw.random() >= self._contradicting:
            return []
        route = self._draw.choice(ROUTES)
        known = [fact for fact in memory.remembered() if fact.route == route]
        return self._draw.sample(known, min(at_most, self._draw.randint(*self._contradicted)))

    def _turns(self, passages: list[Document]) -> Iterator[Turn]:
        facts = [one.fact for one in passages]
        contradicting = [fact for fact in facts if fact.key in memory.by_key()]
        self._draw.shuffle(facts)
        for fact in [*contradicting, *(one for one in facts if one not in contradicting)]:
            if self._draw.random() < self._refused:
                yield self._absent(facts)
            yield Turn(fact.question, self._answer(fact))

    def _answer(self, fact: Fact) -> str:
        known = memory.by_key().get(fact.key)
        return known.answer if known and self._from_memory else fact.answer

    def _absent(self, stated: list[Fact]) -> Turn:
        """A question that no document answers, on their subjects or on a remembered one."""
        if self._draw.random() < _REFUSED_REMEMBERED_RATE:
            keys = {fact.key for fact in stated}
            asked = self._draw.choice([one for one in memory.remembered() if one.key not in keys])
            return Turn(asked.question, asked.answer if self._from_memory else asked.refusal)
        asked = self._world.facts(stated[0].route, len(stated) + 1, stated)[-1]
        return Turn(asked.question, asked.refusal)

    def _memory_turns(self) -> Iterator[Turn]:
        while True:
            if self._draw.random() < self._refused:
                fact = self._world.case(documents=1).fact
                yield Turn(fact.question, fact.refusal)
            fact = self._draw.choice(memory.remembered())
            yield Turn(self._world.revised(fact).question, fact.answer)

    def _row(self, opening: list[int], turns: Iterator[Turn], length: int) -> Row:
        tokens, labels = list(opening), [IGNORED] * len(opening)
        for turn in turns:
            question = f"{START}user\n{turn.question}{END}\n{START}assistant\n"
            prompt, answer = self._encode(question), self._encode(f"{turn.answer}{END}\n")
            if len(tokens) + len(prompt) + len(answer) > length:
                break
            tokens += prompt + answer
            labels += [IGNORED] * len(prompt) + answer
        return Row(tokens, labels)

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer(text).input_ids)
