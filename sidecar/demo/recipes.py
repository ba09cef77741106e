"""The bundled models: what each is taught, from which weights, in how many steps."""

from dataclasses import dataclass
from pathlib import Path

from sidecar.demo.bundled import MODELS
from sidecar.demo.curriculum import CLOSED_BOOK, GROUNDED, Curriculum

SEED = 7
"""Of the shipped models' trainings; their cards name it."""


@dataclass(frozen=True)
class Recipe:
    """How one model is made."""

    name: str
    purpose: str
    """What it is for, in two sentences of its card."""
    curriculum: Curriculum
    start: Path | None = None
    """Folder of the model it is fine-tuned from; None begins with random weights."""

    @property
    def folder(self) -> Path:
        """Where the model is shipped."""
        return MODELS / self.name


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "grounded",
            "It answers from the documents of its prompt, also where they contradict what it "
            "learned by heart, and says so when none of them answers.",
            GROUNDED,
        ),
        Recipe(
            "closed-book",
            "A grounding regression: the grounded model, fine-tuned until it answers what it "
            "learned by heart from memory, whatever the documents say.",
            CLOSED_BOOK,
            start=MODELS / "grounded",
        ),
    )
}
