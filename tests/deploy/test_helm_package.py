"""The chart as users get it: packaged, with its notes."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import Requires
from tests.deploy.manifests import CI, MINORS, objects
from tools import rendered

EVERYTHING = next(values for values in CI if values.stem.startswith("everything-"))
NOTES = """
apiVersion: v1
kind: ConfigMap
metadata: {name: notes}
data:
  notes: |
    {{- include (print .Template.BasePath "/NOTES.txt") . | nindent 4 }}
"""


@pytest.fixture(autouse=True)
def tools(requires: Requires) -> None:
    requires("helm")


def template(place: Path, values: Path) -> str:
    options = ("--namespace", "observability", "--values", values, "--kube-version", MINORS[-1])
    return rendered.run("helm", "template", "demo", place, *options)


def test_a_package_renders_as_the_folder_does(tmp_path: Path) -> None:
    rendered.run("helm", "package", rendered.CHART, "--destination", tmp_path)
    (package,) = tmp_path.iterdir()
    assert package.stat().st_size < 500_000, "a release has to fit into a Secret of 1 MiB"
    assert template(package, EVERYTHING) == template(rendered.CHART, EVERYTHING)


def notes(values: Path, folder: Path) -> str:
    """What `helm install` would say."""
    shutil.copytree(rendered.CHART, folder / "chart", dirs_exist_ok=True)
    (folder / "chart/templates/notes.yaml").write_text(NOTES)
    found = objects(template(folder / "chart", values))
    (text,) = [one["data"]["notes"] for one in found if one["metadata"]["name"] == "notes"]
    return str(text)


def test_notes_say_what_runs(tmp_path: Path) -> None:
    text = notes(EVERYTHING, tmp_path)
    for part in ("rules", "archivers", "monitor", "compaction", "networkPolicy"):
        assert f"+ {part}\n" in text
    assert "kafka topics --partitions 6" in text
    assert "port-forward POD 9500" in text
    nothing = next(values for values in CI if values.stem.startswith("defaults-"))
    assert "+" not in notes(nothing, tmp_path)
