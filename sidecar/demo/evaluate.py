"""How a bundled model does in the exams, run by transformers: ``python -m sidecar.demo.evaluate``.

Served by vLLM with the tap on, the same questions are asked by ``benchmarks/grounding.py``.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from sidecar.demo import exams, model, tokenizer
from sidecar.demo.judge import Verdict, judge
from sidecar.demo.prompts import END, START, system_prompt
from sidecar.demo.world import Case

_ANSWER_TOKENS = 48
_BATCH = 50


@dataclass(frozen=True)
class Score:
    """Verdicts over the greedy answers to one exam."""

    exam: str
    verdicts: Counter[Verdict]

    def share(self, verdict: Verdict) -> float:
        """Share of the answers, 0 to 1."""
        return self.verdicts[verdict] / self.verdicts.total()

    def __str__(self) -> str:
        shares = (f"{verdict} {self.share(verdict):.1%}" for verdict in Verdict)
        return f"{self.exam:14s} {'  '.join(shares)}"


def score(
    learner: LlamaForCausalLM, words: PreTrainedTokenizerFast, exam: str, questions: int
) -> Score:
    """Let a model sit an exam of `exams.EXAMS`."""
    asked = exams.cases(exams.EXAMS[exam], questions)
    answers = [
        answer
        for start in range(0, questions, _BATCH)
        for answer in answers_of(learner, words, asked[start : start + _BATCH])
    ]
    return Score(exam, Counter(map(judge, asked, answers)))


def prompt(case: Case) -> str:
    """The rendered chat prompt of a case, up to where the assistant speaks."""
    texts = [document.text for document in case.documents]
    system = f"{START}system\n{system_prompt(texts)}{END}\n" if texts else ""
    return f"{system}{START}user\n{case.question}{END}\n{START}assistant\n"


@torch.inference_mode()
def answers_of(
    learner: LlamaForCausalLM, words: PreTrainedTokenizerFast, cases: Sequence[Case]
) -> list[str]:
    """Greedy answers, in one left-padded batch."""
    words.padding_side = "left"
    inputs = words([prompt(case) for case in cases], return_tensors="pt", padding=True)
    output = learner.eval().generate(
        input_ids=inputs.input_ids,
        attention_mask=inputs.attention_mask,
        max_new_tokens=_ANSWER_TOKENS,
        do_sample=False,
    )
    new = output[:, inputs.input_ids.shape[1] :]
    return [text.strip() for text in words.batch_decode(new, skip_special_tokens=True)]


@click.command()
@click.argument("folder", type=model.Folder())
@click.option(
    "--questions",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    help="Questions of each exam.",
)
def main(folder: Path, questions: int) -> None:
    """Let the model in FOLDER sit every exam and print what its answers follow."""
    learner, words = model.load(folder), tokenizer.load(folder)
    for exam in exams.EXAMS:
        click.echo(score(learner, words, exam, questions))


if __name__ == "__main__":
    main()
