"""How well a demo model answers from documents, on a part of the world it was not trained on."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from sidecar.demo.prompts import END, START, system_prompt
from sidecar.demo.world import Case, World

HELD_OUT_SEED = "held-out"
_ANSWER_TOKENS = 48


@dataclass(frozen=True)
class Score:
    """Shares of questions, 0 to 1, over ``questions`` greedy answers."""

    documents: int
    questions: int
    right_value: float
    """The answer holds the value of the gold document."""
    other_value: float
    """The answer holds the value of another document instead."""
    verbatim: float
    """The answer is the gold document's sentence, letter by letter."""


def score(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, *, documents: int, questions: int
) -> Score:
    """Ask ``questions`` held-out questions with ``documents`` documents each."""
    world = World(f"{HELD_OUT_SEED}-{documents}")
    cases = [world.case(documents=documents) for _ in range(questions)]
    answers = answer(model, tokenizer, cases)
    right = [case.fact.value in text for case, text in zip(cases, answers, strict=True)]
    other = [_names_another(case, text) for case, text in zip(cases, answers, strict=True)]
    verbatim = [case.answer == text for case, text in zip(cases, answers, strict=True)]
    return Score(documents, questions, _share(right), _share(other), _share(verbatim))


def prompt(case: Case) -> str:
    """The rendered chat prompt of a case, up to where the assistant speaks."""
    system = system_prompt([document.text for document in case.documents])
    user = f"{START}user\n{case.question}{END}\n"
    return f"{START}system\n{system}{END}\n{user}{START}assistant\n"


@torch.inference_mode()
def answer(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, cases: Sequence[Case]
) -> list[str]:
    """Greedy answers, in one left-padded batch."""
    tokenizer.padding_side = "left"
    inputs = tokenizer([prompt(case) for case in cases], return_tensors="pt", padding=True)
    output = model.eval().generate(
        input_ids=inputs.input_ids,
        attention_mask=inputs.attention_mask,
        max_new_tokens=_ANSWER_TOKENS,
        do_sample=False,
    )
    new = output[:, inputs.input_ids.shape[1] :]
    return [text.strip() for text in tokenizer.batch_decode(new, skip_special_tokens=True)]


def _names_another(case: Case, text: str) -> bool:
    values = [document.fact.value for document in case.documents]
    return case.fact.value not in text and any(value in text for value in values)


def _share(outcomes: Sequence[bool]) -> float:
    return sum(outcomes) / len(outcomes)
