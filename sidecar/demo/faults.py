"""What can be rolled out: faults that spoil the answers, and changes that should alarm nobody.

Each is one named change of what is retrieved for a case, of whom the users are, or of the engine's
command. Which of its effects attention shows is measured by the demo, not promised here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from sidecar.calibration.words import contains
from sidecar.demo.corpus import EVEN, outdated
from sidecar.demo.world import MOST_DOCUMENTS, Case, Document, World

GROUNDED, CLOSED_BOOK = "grounded", "closed-book"
TAGS: Mapping[str, str] = {
    "retriever": "v1",
    "prompt_template": "v1",
    "corpus_revision": "2",
    "chunking": "short",
    "top_k": "3-6",
}
"""Tags of every request while nothing is rolled out."""
KEPT_WORDS = 4
"""Words that the faulty template keeps of each document: a subject and its verb, never a value."""
_LONG_REMARKS = (3, 4)

Retrieval = Callable[[World, Case], Case]
"""Documents as they are served, for a case as a healthy retriever finds it."""


def as_found(_: World, case: Case) -> Case:
    """The documents of a healthy retriever."""
    return case


def irrelevant(world: World, case: Case) -> Case:
    """As many documents of the same route, none about the question's subject."""
    found: list[Document] = []
    while len(found) < len(case.documents):
        fact = world.facts(case.route, 1)[0]
        if fact.entity != case.fact.entity and not contains(fact.statement, case.fact.value):
            found.append(world.document(fact))
    return replace(case, documents=tuple(found), gold=None)


def cut_off(_: World, case: Case) -> Case:
    """The first words of each document."""
    documents = tuple(_shortened(document) for document in case.documents)
    gold = case.gold
    if gold is not None and not contains(documents[gold].text, documents[gold].fact.value):
        gold = None
    return replace(case, documents=documents, gold=gold)


def out_of_date(world: World, case: Case) -> Case:
    """Documents of the corpus's old revision; the current value stands in none of the others."""
    old = outdated(world, case.fact)
    while True:
        found = world.case(about=old, documents=len(case.documents))
        others = (one for place, one in enumerate(found.documents) if place != found.gold)
        if not any(contains(one.text, case.fact.value) for one in others):
            return replace(case, documents=found.documents, gold=found.gold)


def longer(world: World, case: Case) -> Case:
    """The same facts in the same order, each among three or four remarks."""
    facts = (document.fact for document in case.documents)
    return replace(
        case, documents=tuple(world.document(one, remarks=_LONG_REMARKS) for one in facts)
    )


def more(world: World, case: Case) -> Case:
    """Ten documents, one of which states the same fact."""
    found = world.case(about=case.fact, documents=MOST_DOCUMENTS)
    return replace(case, documents=found.documents, gold=found.gold)


def _shortened(document: Document) -> Document:
    return replace(document, text=" ".join(document.text.split()[:KEPT_WORDS]))


@dataclass(frozen=True)
class Change:
    """One thing that is rolled out."""

    name: str
    does: str
    """What it changes, in one sentence."""
    split: str
    """SQL that tells samples before from samples after; ``{rollout}`` is the time between."""
    benign: bool = False
    """It breaks nothing and should alarm nobody."""
    retrieve: Retrieval = as_found
    routes: Mapping[str, float] = field(default_factory=lambda: EVEN)
    """How often each route is asked."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Tags that its requests have in place of those in `TAGS`."""
    model: str = GROUNDED
    flags: tuple[str, ...] = ()
    """Further arguments of the engine."""
    alarms: bool = False
    """Attention is expected to show it, so it should raise an alert."""

    @property
    def tags(self) -> dict[str, str]:
        """Tags of its requests."""
        return {**TAGS, **self.renamed}

    @property
    def restarts(self) -> bool:
        """Whether it takes another engine."""
        return self.model != GROUNDED or bool(self.flags)


def _tagged(
    name: str, does: str, retrieve: Retrieval, tag: str, value: str, *, alarms: bool = False
) -> Change:
    split = f"tags['{tag}']"
    return Change(name, does, split, retrieve=retrieve, renamed={tag: value}, alarms=alarms)


HEALTHY = Change("healthy", "Nothing is rolled out.", "route", benign=True)
FAULTS = (
    Change(
        "closed-book",
        "The engine serves the closed-book checkpoint, fine-tuned to answer from memory.",
        "model_revision",
        model=CLOSED_BOOK,
        alarms=True,
    ),
    _tagged(
        "retriever",
        "The retriever finds as many documents of the same route, none about the question's"
        " subject.",
        irrelevant,
        "retriever",
        "v2",
        alarms=True,
    ),
    _tagged(
        "template",
        f"The prompt template keeps only the first {KEPT_WORDS} words of each document.",
        cut_off,
        "prompt_template",
        "v2",
        alarms=True,
    ),
    _tagged(
        "stale",
        "The retriever reads an old revision of the corpus, so documents answer, but wrongly.",
        out_of_date,
        "corpus_revision",
        "1",
    ),
)
BENIGN = tuple(
    replace(change, benign=True)
    for change in (
        _tagged(
            "longer-documents",
            "Each document has three or four remarks beside its fact, where it had one at most.",
            longer,
            "chunking",
            "long",
        ),
        _tagged(
            "more-documents",
            f"Each request has {MOST_DOCUMENTS} documents, where it had 3 to 6.",
            more,
            "top_k",
            str(MOST_DOCUMENTS),
        ),
        Change(
            "topic-mix",
            "Eight of ten questions are about staff, where the three routes were asked alike.",
            "if(time < '{rollout}', 'before', 'after')",
            routes={"shop": 0.1, "staff": 0.8, "policy": 0.1},
        ),
        Change(
            "no-prefix-cache",
            "The engine is restarted without its prefix cache.",
            "boot",
            flags=("--no-enable-prefix-caching",),
        ),
    )
)
CHANGES = {change.name: change for change in (*FAULTS, *BENIGN)}
"""Every fault and every benign change by its name."""
