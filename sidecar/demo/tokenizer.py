"""The demo's tokenizer: a byte-level BPE trained on the invented world, with a ChatML template."""

from collections.abc import Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from sidecar.demo.prompts import CHAT_TEMPLATE, END, PAD, START, system_prompt
from sidecar.demo.world import MOST_DOCUMENTS, World

VOCABULARY = 1408
CORPUS_SEED = "tokenizer"
_PIECES = r" ?\d{1,2}| ?\p{L}+| ?[^\s\d\p{L}]+|\s+"
"""Words, numbers in pairs of digits and the rest, each with the space before it."""


def train(vocabulary: int = VOCABULARY, *, cases: int = 4000) -> PreTrainedTokenizerFast:
    """Train on a fixed part of the world; the same arguments give the same tokenizer."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(_corpus(cases), trainer)
    return _chat_tokenizer(core)


def load(folder: Path) -> PreTrainedTokenizerFast:
    """Read a saved tokenizer."""
    return PreTrainedTokenizerFast.from_pretrained(folder)


def _chat_tokenizer(core: Tokenizer) -> PreTrainedTokenizerFast:
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token=PAD, eos_token=END, model_max_length=8192
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def _corpus(cases: int) -> Iterator[str]:
    world = World(CORPUS_SEED)
    for _ in range(cases):
        case = world.case(documents=MOST_DOCUMENTS)
        yield "system\n" + system_prompt([document.text for document in case.documents])
        yield "user\n" + case.question
        yield "assistant\n" + case.answer
