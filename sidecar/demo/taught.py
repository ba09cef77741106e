"""What a training run has shown, read again from its seed: who asks about news must know it."""

from collections.abc import Iterator
from itertools import islice

from transformers import PreTrainedTokenizerFast

from sidecar.demo import tokenizer
from sidecar.demo.curriculum import Curriculum, Teacher
from sidecar.demo.exams import Exam, drawn
from sidecar.demo.recipes import RECIPES, SEED
from sidecar.demo.world import Case


def texts(words: PreTrainedTokenizerFast, curriculum: Curriculum, seed: int) -> Iterator[str]:
    """Every row of every step of a whole run, as lower-case text."""
    teacher = Teacher(words, seed=seed)
    for step in range(curriculum.steps):
        batch = teacher.batch(step, curriculum.at(step / curriculum.steps))
        yield from (text.lower() for text in words.batch_decode(batch.tokens))


def new_subjects(exam: Exam, questions: int, *, seed: str) -> list[Case]:
    """The first questions of an exam whose subject stood nowhere in the grounded model's training.

    Names are drawn from few parts, so that others meet one by chance. Takes minutes.
    """
    recipe = RECIPES["grounded"]
    words = tokenizer.load(recipe.folder)
    shown = "\n".join(texts(words, recipe.curriculum, SEED))
    never = (case for case in drawn(exam, seed=seed) if case.fact.entity.lower() not in shown)
    return list(islice(never, questions))
