"""How the demo writes a prompt: ChatML turns, with the documents numbered in the system message."""

from collections.abc import Sequence

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
INSTRUCTION = "Answer from the documents."

CHAT_TEMPLATE = """\
{%- set instruction = namespace(text='') -%}
{%- for message in messages if message.role == 'system' -%}
{%- set instruction.text = message.content -%}
{%- endfor -%}
{%- if documents -%}
{%- set instruction.text = instruction.text or '__INSTRUCTION__' -%}
{%- for document in documents -%}
{%- set instruction.text = instruction.text ~ '\n[' ~ loop.index ~ '] ' ~ document.text -%}
{%- endfor -%}
{%- endif -%}
{%- if instruction.text -%}
{{- '<|im_start|>system\n' ~ instruction.text ~ '<|im_end|>\n' -}}
{%- endif -%}
{%- for message in messages if message.role != 'system' -%}
{{- '<|im_start|>' ~ message.role ~ '\n' ~ message.content ~ '<|im_end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\n' -}}
{%- endif -%}
""".replace("__INSTRUCTION__", INSTRUCTION)


def system_prompt(texts: Sequence[str]) -> str:
    """The system message with the documents pasted in, as the chat template renders them."""
    return "\n".join([INSTRUCTION, *(f"[{n}] {text}" for n, text in enumerate(texts, 1))])
