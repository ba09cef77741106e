"""The demo's tokenizer: lossless, reproducible, and its template renders documents."""

import pytest
from transformers import PreTrainedTokenizerFast

from sidecar.demo import tokenizer
from sidecar.demo.prompts import END, INSTRUCTION, START, system_prompt
from sidecar.demo.world import World


@pytest.fixture(scope="module")
def words() -> PreTrainedTokenizerFast:
    return tokenizer.train(cases=200)


def rendered(words: PreTrainedTokenizerFast, messages: list[dict[str, str]], **more: object) -> str:
    return str(words.apply_chat_template(messages, tokenize=False, **more))


@pytest.mark.parametrize(
    "text",
    [
        "The Aldora lamp costs 42 crowns.",
        "  two  spaces\nand\ttabs \n\n",
        "naïve 図書館 🙂",
        f"{START}user\nWho?{END}\n",
        "",
    ],
)
def test_any_text_comes_back(words: PreTrainedTokenizerFast, text: str) -> None:
    assert words.decode(words(text).input_ids) == text


def test_training_again_gives_the_same_tokenizer(words: PreTrainedTokenizerFast) -> None:
    assert tokenizer.train(cases=200).get_vocab() == words.get_vocab()


def test_the_markup_and_the_roles_are_single_tokens(words: PreTrainedTokenizerFast) -> None:
    for role in ("system", "user", "assistant"):
        tokens = words(f"{START}{role}\n").input_ids
        assert words.convert_ids_to_tokens(tokens)[:2] == [START, role]
        assert len(tokens) == 3


def test_the_template_renders_documents_as_an_application_would_paste_them(
    words: PreTrainedTokenizerFast,
) -> None:
    case = World(1).case()
    texts = [document.text for document in case.documents]
    question = {"role": "user", "content": case.question}
    named = rendered(words, [question], documents=[{"text": text} for text in texts])
    pasted = rendered(words, [{"role": "system", "content": system_prompt(texts)}, question])
    assert named == pasted
    assert all(f"[{number}] {text}" in named for number, text in enumerate(texts, 1))
    assert named.startswith(f"{START}system\n{INSTRUCTION}\n[1] ")


def test_the_template_renders_a_conversation(words: PreTrainedTokenizerFast) -> None:
    turns = [
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "Two?"},
    ]
    text = rendered(words, turns, add_generation_prompt=True)
    assert text == (
        f"{START}user\nOne?{END}\n{START}assistant\nYes.{END}\n"
        f"{START}user\nTwo?{END}\n{START}assistant\n"
    )
