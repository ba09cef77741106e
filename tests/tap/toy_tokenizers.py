"""Small tokenizers of every family, trained on the spot, with chat templates of every manner."""

from collections.abc import Callable
from functools import cache
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tests import nq

CHATML = (
    "{% for m in messages %}"
    "{% if m.role == 'tool' %}<|im_start|>user\n<tool_response>\n{{ m.content }}\n"
    "</tool_response><|im_end|>\n"
    "{% else %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA3 = (
    "{{ '<|begin_of_text|>' }}{% for m in messages %}"
    "<|start_header_id|>{{ 'ipython' if m.role == 'tool' else m.role }}<|end_header_id|>\n\n"
    "{% if m.role == 'system' %}Today Date: {{ today | default('26 Jul 2024') }}\n\n{% endif %}"
    "{{ m.content | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
MISTRAL = (
    "{{ '<s>' }}{% for m in messages %}"
    "{% if m.role == 'tool' %}{{ raise_exception('no tools here') }}"
    "{% elif m.role == 'system' %}[INST] {{ m.content }}\n\n"
    "{% elif m.role == 'user' %}"
    "{% if loop.index0 == 0 or messages[loop.index0 - 1].role != 'system' %}[INST] {% endif %}"
    "{{ m.content }}[/INST]{% else %} {{ m.content }}</s>{% endif %}{% endfor %}"
)
ZEPHYR = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
SPECIALS = {
    CHATML: ["<|im_start|>", "<|im_end|>"],
    LLAMA3: ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
    MISTRAL: ["<s>", "</s>", "[INST]", "[/INST]"],
    ZEPHYR: ["<s>", "</s>"],
}

_BUILT_IN = [
    "The lighthouse keeper wrote down the wind, the weather and every ship that passed.",
    "Copper conducts heat about twice as well as aluminium, and silver is better still.",
    "In 1901 the first prize went to a physicist; it was worth 150,782 crowns then.",
    "Mountains slow the rain: their windward side is wet, their lee side dry (a rain shadow).",
]


def byte_level() -> Tokenizer:
    """As GPT-2, Llama 3 and Qwen."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=4000, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(_texts(), trainer)
    return tokenizer


def metaspace() -> Tokenizer:
    """As Llama 2 and Mistral: Unigram with byte fallback."""
    pieces = [(f"<0x{byte:02X}>", -20.0) for byte in range(256)]
    trained = Tokenizer(models.Unigram())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=2000, show_progress=False, unk_token="<unk>")
    trained.train_from_iterator(_texts(), trainer)
    learned = [(token, -10.0 - number / 1000) for number, token in enumerate(_by_id(trained))]
    vocabulary = [("<unk>", 0.0), *pieces, *((t, s) for t, s in learned if t != "<unk>")]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=0, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return tokenizer


def word_piece() -> Tokenizer:
    """As BERT: lower case, accents and white space are gone."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=4000, show_progress=False, special_tokens=["[UNK]"]
    )
    tokenizer.train_from_iterator(_texts(), trainer)
    return tokenizer


FAMILIES: dict[str, Callable[[], Tokenizer]] = {
    "byte-level": byte_level,
    "metaspace": metaspace,
    "wordpiece": word_piece,
}


@cache
def tokenizer(family: str, template: str = CHATML) -> Any:
    """A tokenizer of a family with a chat template and its special tokens."""
    backend = Tokenizer.from_str(_trained(family))
    backend.add_special_tokens(SPECIALS[template])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=backend)
    wrapped.chat_template = template
    return wrapped


@cache
def _trained(family: str) -> str:
    return FAMILIES[family]().to_str()


def _by_id(tokenizer: Tokenizer) -> list[str]:
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=vocabulary.__getitem__)


def _texts() -> list[str]:
    return nq.texts(300) if nq.available() else _BUILT_IN
