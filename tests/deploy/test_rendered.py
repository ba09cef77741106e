"""Committed files are what the tools make of their sources."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Requires
from tools import chart, kustomize, rendered
from tools.generated import holds

FILES = list(rendered.files())


@pytest.mark.parametrize(("path", "make"), FILES, ids=[path.name for path, _ in FILES])
def test_what_is_rendered_is_committed(
    path: Path, make: Callable[[], str], requires: Requires
) -> None:
    for tool in rendered.TOOLS:
        requires(tool)
    assert holds(path, make())


def test_no_golden_file_is_left_over() -> None:
    assert set(rendered.GOLDEN.iterdir()) == {path for path, _ in FILES} - {
        rendered.CHART / "README.md"
    }


@pytest.mark.parametrize("module", [chart, kustomize])
def test_generated_sources_are_fresh(module: object) -> None:
    assert getattr(module, "main")(["--check"]) == 0  # noqa: B009 - two modules alike


def test_a_stale_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = tmp_path / "values.schema.json"
    stale.write_text("{}")
    monkeypatch.setattr(chart, "FILE", stale)
    assert chart.main(["--check"]) == 1
    assert str(stale) in capsys.readouterr().err
    assert stale.read_text() == "{}"
    assert chart.main([]) == 0
    assert chart.main(["--check"]) == 0


def test_without_the_tools_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rendered, "found", lambda tool: None)
    monkeypatch.delenv("CI", raising=False)
    assert rendered.main(["--check"]) == 0
    assert "not compared without helm" in capsys.readouterr().err
    monkeypatch.setenv("CI", "true")
    assert rendered.main(["--check"]) == 1
