"""The questions on which the bundled models are measured.

The wording around the facts is none that training has shown. Names and values come of the same
parts as in training, so that a subject may have stood in a training document too, usually with
another value; `taught.new_subjects` leaves those out. What was learned by heart was contradicted in
training as well, by values drawn anew for each sequence.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice

from sidecar.demo import memory
from sidecar.demo.wording import UNSEEN
from sidecar.demo.world import Case, World


@dataclass(frozen=True)
class Exam:
    """A kind of question."""

    documents: int | None = None
    """How many; None is 3 to 10."""
    remembered: bool = False
    """Ask what was learned by heart; documents, if any, contradict it."""
    answerable: bool = True
    """A document has the answer."""


EXAMS = {
    "3 documents": Exam(3),
    "6 documents": Exam(6),
    "10 documents": Exam(10),
    "contradicting": Exam(remembered=True),
    "unanswerable": Exam(answerable=False),
    "by heart": Exam(documents=0, remembered=True),
}


def cases(exam: Exam, questions: int, *, seed: str = "exam") -> list[Case]:
    """The first questions of an exam; another seed gives others of the same kind."""
    return list(islice(drawn(exam, seed=seed), questions))


def drawn(exam: Exam, *, seed: str) -> Iterator[Case]:
    """Questions of an exam without end."""
    world = World(f"{seed}-{exam}", UNSEEN)
    return (_case(exam, world, number) for number in count())


def _case(exam: Exam, world: World, number: int) -> Case:
    known = memory.remembered()[number % len(memory.remembered())]
    if exam.documents == 0:
        return Case((), known, None)
    about = world.revised(known) if exam.remembered else None
    return world.case(documents=exam.documents, about=about, answerable=exam.answerable)
