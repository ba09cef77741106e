"""What users ask and what a healthy retriever finds: half of it contradicts what training taught.

A case's ``fact`` is what is true now. A fault changes its documents and never its fact.
"""

import random
from collections.abc import Mapping

from sidecar.calibration.words import contains
from sidecar.demo import memory
from sidecar.demo.wording import UNSEEN
from sidecar.demo.world import ROUTES, Case, Fact, World

CURRENT_REVISION, OLD_REVISION = 2, 1
FEWEST_DOCUMENTS, MOST_DOCUMENTS = 3, 6
EVEN: Mapping[str, float] = dict.fromkeys(ROUTES, 1.0)
_REMEMBERED_RATE = 0.5


class Corpus:
    """Draws cases from one seed, without end; equal seeds give equal cases."""

    def __init__(self, seed: int | str) -> None:
        self.world = World(seed, UNSEEN)
        """Also the source of what a fault draws."""
        self._random = random.Random(f"corpus-{seed}")  # noqa: S311

    def case(self, routes: Mapping[str, float] = EVEN) -> Case:
        """A question on one of ``routes``, drawn by weight, with 3 to 6 documents, one of which
        states the current value.

        Every second one is about a subject that training taught with another value.
        """
        route = self._random.choices(list(routes), list(routes.values()))[0]
        count = self._random.randint(FEWEST_DOCUMENTS, MOST_DOCUMENTS)
        if self._random.random() >= _REMEMBERED_RATE:
            return self.world.case(route=route, documents=count)
        known = [fact for fact in memory.revision(CURRENT_REVISION) if fact.route == route]
        return self.world.case(about=self._random.choice(known), documents=count)


def outdated(world: World, fact: Fact) -> Fact:
    """What the corpus's old revision says of a fact's subject."""
    old = {one.key: one for one in memory.revision(OLD_REVISION)}
    return old.get(fact.key) or world.revised(fact)


def answered(case: Case, answer: str) -> bool:
    """Whether an answer states the current value: all that a user cares for."""
    return contains(answer, case.fact.value)
