"""What the pages about Kubernetes say to type is what works."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Requires
from tests.deploy.manifests import chart
from tools.blocks import ROOT

PAGES = sorted((ROOT / "docs/deploy").glob("*.md"))


def blocks(kind: str) -> list[tuple[str, Any]]:
    """YAML blocks that begin with the name of a file, by page."""
    return [
        (page.name, yaml.safe_load(text))
        for page in PAGES
        for text in re.findall(
            rf"```yaml\n# {re.escape(kind)}\n(.*?)```", page.read_text(), re.DOTALL
        )
    ]


KUSTOMIZATIONS = blocks("kustomization.yaml")
VALUES = blocks("values.yaml")


def test_there_are_blocks() -> None:
    assert len(KUSTOMIZATIONS) >= 6
    assert len(VALUES) >= 3


@pytest.mark.parametrize(("page", "tree"), KUSTOMIZATIONS)
def test_components_are_there(page: str, tree: Any) -> None:
    for component in tree["components"]:
        place = ROOT / component.removeprefix("attention-sidecar/") / "kustomization.yaml"
        assert yaml.safe_load(place.read_text())["kind"] == "Component", page


@pytest.mark.parametrize(("page", "values"), VALUES)
def test_values_render(page: str, values: Any, requires: Requires, tmp_path: Path) -> None:
    requires("helm")
    assert len(chart(values, tmp_path)) > 2, page


def test_named_templates_are_there() -> None:
    page = (ROOT / "docs/deploy/helm.md").read_text()
    named = set(re.findall(r'include "(.*?)"|`(attention-sidecar\.\w*[cC]ontainer)`', page))
    sources = (ROOT / "helm/attention-sidecar/templates").glob("*.tpl")
    defined = {name for one in sources for name in re.findall(r'define "(.*?)"', one.read_text())}
    names = {one or other for one, other in named}
    assert len(names) == 8
    assert names - defined == set()
