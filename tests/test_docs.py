"""The documentation covers what there is, and names nothing that there is not."""

import re
from pathlib import Path

import click
import pytest

from benchmarks import render
from sidecar import cli, config, sources
from tools import blocks, reference

DOCUMENTS = blocks.documents()
TEXT = {file.relative_to(blocks.ROOT).as_posix(): file.read_text() for file in DOCUMENTS}


COMMANDS = dict(reference.walk(cli.main, "attention-sidecar"))


def mentioned(pattern: str) -> set[str]:
    return {found for text in TEXT.values() for found in re.findall(pattern, text)}


@pytest.mark.parametrize("name", TEXT)
def test_generated_blocks_are_fresh(name: str) -> None:
    text = TEXT[name]
    assert blocks.fill(text, "reference", reference.produce) == text
    assert blocks.fill(text, "figures", render.figures) == text


def test_every_reference_and_every_benchmark_result_is_in_a_document() -> None:
    assert blocks.names("reference", DOCUMENTS) == set(reference.PRODUCERS)
    results = {file.stem for file in render.RESULTS.glob("*.json")}
    shown = {name for name in blocks.names("figures", DOCUMENTS) if "-" not in name}
    assert shown == results


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_and_its_options_say_what_they_do(path: str) -> None:
    command = COMMANDS[path]
    assert command.help
    options = [option for option in command.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []
    assert f"## `{path}`" in TEXT["docs/cli.md"]
    for option in options:
        assert f"`{option.opts[0]} {option.metavar or ''}".rstrip() in TEXT["docs/cli.md"]


@pytest.mark.parametrize("section", config.Settings.model_fields)
def test_a_setting_says_what_it_does(section: str) -> None:
    model = config.Settings.model_fields[section].annotation
    assert model
    fields = vars(model)["__pydantic_fields__"].items()
    assert [name for name, field in fields if not field.description] == []


def test_documents_name_no_unknown_command() -> None:
    words = mentioned(r"(?m)(?:^|[`$] ?)attention-sidecar ([a-z][a-z-]+)")
    top = {path.split()[1] for path in COMMANDS if " " in path}
    assert words - top == set()


def test_documents_name_no_unknown_variable() -> None:
    known = {sources.variable(name) for name in config.names()} | set(sources.NOT_SETTINGS)
    assert mentioned(r"\bATTENTION_[A-Z_]+\b") - known == set()


LINKS = [
    (file, target)
    for file in DOCUMENTS
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", file.read_text())
    if "://" not in target
]


@pytest.mark.parametrize(("file", "target"), LINKS, ids=[target for _, target in LINKS])
def test_a_link_leads_somewhere(file: Path, target: str) -> None:
    assert (file.parent / target).exists()
