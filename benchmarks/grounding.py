"""Does attention tell answers that follow the documents from answers that do not?

Both bundled models are served by vLLM with the tap on and sit exams. Within the closed-book one, at
equal lengths, answers from the documents are told from answers from memory by each signal alone and
by the grounding score; once more where both are about subjects learned by heart. ``--questions N``
asks N of each kind.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from benchmarks import told_apart
from benchmarks.asked import Answer, Asked, served
from benchmarks.report import Figure, Report, parser
from benchmarks.told_apart import Plan, Separation
from sidecar.demo import exams, taught
from sidecar.demo.exams import Exam
from sidecar.demo.judge import right
from sidecar.demo.recipes import RECIPES
from sidecar.demo.world import Case

QUESTIONS = 150
CALIBRATION = 100
"""Prompts on which the heads are found; none of them is asked again."""
MORE = 4
"""Times the questions, for answers from documents about what is known by heart: they are rare."""
DOCUMENTS = 6
STRIDES = (1, 2, 4, 8, 16)
AVERAGED = (1, 2, 5, 10, 20)
LAYERS = 4


class Kinds(NamedTuple):
    """Questions with equally many documents, on new subjects and on remembered ones."""

    new: list[Case]
    remembered: list[Case]


def kinds(questions: int, seed: str) -> Kinds:
    """Held-out questions; the documents contradict what was learned by heart."""
    new, remembered = Exam(DOCUMENTS), Exam(DOCUMENTS, remembered=True)
    return Kinds(*(exams.cases(exam, questions, seed=seed) for exam in (new, remembered)))


def main(questions: int) -> Report:
    """Serve both models, one after the other."""
    figures: dict[str, Figure] = {}
    with served(RECIPES["grounded"].folder) as asked:
        figures |= _exact(asked, questions)
        other_heads = asked.calibrate(kinds(CALIBRATION, "calibration").new)
    with served(RECIPES["closed-book"].folder) as asked:
        contradicted = asked.ask(exams.cases(exams.EXAMS["contradicting"], questions))
        figures["closed_book_contradicted_exact"] = _right(contradicted, goal=20, better="lower")
        heads = asked.calibrate(kinds(CALIBRATION, "calibration").new)
        found = kinds(questions, "told-apart")
        about_remembered = asked.ask(found.remembered)
        answers = [*asked.ask(found.new), *about_remembered]
        more = asked.ask(kinds(MORE * questions, "same-subjects").remembered)
    documents, by_heart = told_apart.matched(answers)
    separation = Separation(documents, by_heart, heads)
    figures |= _signals(separation, Separation(documents, by_heart, other_heads))
    figures |= _same_subjects([*about_remembered, *more], heads)
    return Report("grounding", figures | _plans(separation))


def _exact(asked: Asked, questions: int) -> dict[str, Figure]:
    """What the grounded model answers right."""
    by_count = [asked.ask(exams.cases(Exam(n), questions)) for n in (3, 6, 10)]
    named = dict(zip((3, 6, 10), by_count, strict=True))
    everything = [answer for answers in by_count for answer in answers]
    new = asked.ask(taught.new_subjects(Exam(), questions, seed="new-subjects"))
    contradicted = asked.ask(exams.cases(exams.EXAMS["contradicting"], questions))
    refused = asked.ask(exams.cases(exams.EXAMS["unanswerable"], questions))
    return {
        "grounded_exact": _right(everything, goal=98),
        **{f"grounded_exact_{n}_documents": _right(answers) for n, answers in named.items()},
        "new_subjects_exact": _right(new),
        "contradicted_exact": _right(contradicted, goal=95),
        "unanswerable_refused": _right(refused),
    }


def _right(answers: Sequence[Answer], goal: float | None = None, better: str = "higher") -> Figure:
    hits = [right(answer.case, answer.text) for answer in answers]
    interval = binomtest(sum(hits), len(hits)).proportion_ci(method="wilson")
    spread = (100 * interval.low, 100 * interval.high)
    share = 100 * float(np.mean(hits))
    return Figure(share, "%", goal=goal, better=better, spread=spread)  # type: ignore[arg-type]


def _signals(own: Separation, other: Separation) -> dict[str, Figure]:
    everything = Plan()
    by_name = {name: own.auroc(name, everything) for name in told_apart.SCORES}
    figures = {"auroc": _auroc(by_name.pop("grounding_score"), goal=0.95)}
    figures |= {f"auroc_{name}": _auroc(value) for name, value in by_name.items()}
    figures["auroc_length_only"] = _auroc(own.by_length())
    figures["auroc_text_overlap"] = _auroc(own.by_overlap())
    figures["auroc_heads_of_the_grounded_model"] = _auroc(
        other.auroc("grounding_score", everything)
    )
    figures["answers_from_documents"] = Figure(len(own.documents), "answers")
    figures["answers_from_memory"] = Figure(len(own.memory), "answers")
    return figures


def _same_subjects(answers: Sequence[Answer], heads: NDArray[np.bool_]) -> dict[str, Figure]:
    """Answers about remembered subjects alone: what kind of subject it is tells nothing here."""
    documents, by_heart = told_apart.matched(answers)
    separation = Separation(documents, by_heart, heads)
    names = ("grounding_score", "copy_rate", "mean_share")
    figures = {
        f"auroc_same_subjects_{name}": _auroc(separation.auroc(name, Plan())) for name in names
    }
    figures["auroc_same_subjects_text_overlap"] = _auroc(separation.by_overlap())
    return figures | {"pairs_of_same_subjects": Figure(len(documents), "pairs")}


def _plans(separation: Separation) -> dict[str, Figure]:
    """The same as a function of the sampling plan."""
    plans: Mapping[str, Plan] = {
        **{f"stride_{stride}": Plan(stride=stride) for stride in STRIDES},
        **{f"layer_{layer}": Plan(layers=(layer,)) for layer in range(LAYERS)},
        **{f"mean_of_{n}": Plan(averaged=n) for n in AVERAGED[1:]},
        **{f"stride_16_mean_of_{n}": Plan(stride=16, averaged=n) for n in AVERAGED[1:]},
    }
    return {
        f"auroc{suffix}_{name}": _auroc(separation.auroc(signal, plan))
        for name, plan in plans.items()
        for signal, suffix in (("grounding_score", ""), ("mean_share", "_mean_share"))
    }


def _auroc(value: told_apart.Auroc, goal: float | None = None) -> Figure:
    spread = None if math.isnan(value.value) else value.quartiles
    return Figure(value.value, "", goal=goal, better="higher", spread=spread)


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--questions", type=int, default=QUESTIONS)
    given = options.parse_args()
    main(given.questions).finish(given.json)
