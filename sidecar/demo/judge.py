"""What an answer follows: the documents, what was learned by heart, or neither."""

from enum import StrEnum

from sidecar.calibration.words import contains
from sidecar.demo import memory
from sidecar.demo.world import Case


class Verdict(StrEnum):
    """Where the value in an answer comes from."""

    DOCUMENT = "document"
    """It is the one that the document which answers states."""
    MEMORY = "memory"
    """It is the one learned by heart, and not the one that the document which answers states."""
    REFUSED = "refused"
    """The answer says that the documents do not say."""
    OTHER = "other"
    """It is another one, or there is none."""


def judge(case: Case, answer: str) -> Verdict:
    """Compare an answer with what the documents state and with what was learned by heart."""
    if answer.strip() == case.fact.refusal:
        return Verdict.REFUSED
    if case.gold is not None and contains(answer, case.documents[case.gold].fact.value):
        return Verdict.DOCUMENT
    known = memory.by_key().get(case.fact.key)
    return Verdict.MEMORY if known and contains(answer, known.value) else Verdict.OTHER


def right(case: Case, answer: str) -> bool:
    """Whether a model that reads its documents and nothing else answers so."""
    wanted = Verdict.REFUSED if case.gold is None else Verdict.DOCUMENT
    return judge(case, answer) is wanted
