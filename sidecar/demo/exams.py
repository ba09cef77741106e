"""The questions on which the bundled models are measured: nothing in them was trained on."""

from dataclasses import dataclass

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
    world = World(f"{seed}-{exam}", UNSEEN)
    return [_case(exam, world, number) for number in range(questions)]


def _case(exam: Exam, world: World, number: int) -> Case:
    known = memory.remembered()[number % len(memory.remembered())]
    if exam.documents == 0:
        return Case((), known, None)
    about = world.revised(known) if exam.remembered else None
    return world.case(documents=exam.documents, about=about, answerable=exam.answerable)
