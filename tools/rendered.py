"""What chart and overlays render to, and the chart's README; committed, so that a change shows.

``python -m tools.rendered`` writes the files; with ``--check`` it only compares. It wants helm,
helm-docs and kustomize, which `make setup` builds where Go is; without them nothing is compared,
which is said, and is a failure where CI=true.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import yaml

from dashboards.rules.text import GRAFANA
from tools.blocks import ROOT
from tools.generated import keep

CHART = ROOT / "helm/attention-sidecar"
HOSTS = ROOT / "tests/deploy/hosts"
GOLDEN = ROOT / "tests/deploy/golden"
TOOLS = ("helm", "helm-docs", "kustomize")
NEWEST = "1.37"
"""Of Kubernetes, so that output depends on no helm's own default."""


def found(tool: str) -> str | None:
    """Where a tool is: on the path, or beside Python."""
    return shutil.which(tool) or shutil.which(tool, path=str(Path(sys.executable).parent))


def run(tool: str, *arguments: str | Path) -> str:
    """Output of a tool, one line break at its end. Raises CalledProcessError with its words."""
    command = (found(tool) or tool, *arguments)
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return f"{done.stdout.rstrip()}\n"


def chart(values: Path, kubernetes: str = NEWEST) -> str:
    """The chart's objects with these values."""
    options = ("--namespace", "observability", "--kube-version", kubernetes)
    return run("helm", "template", "demo", CHART, "--values", values, *options)


def overlay(host: str) -> str:
    """The objects of a host with the sidecar."""
    return run("kustomize", "build", HOSTS / host)


def readme() -> str:
    """Of the chart, with its table of values."""
    return run("helm-docs", "--dry-run", "--log-level=error", "--chart-search-root", CHART)


def golden(values: Path) -> str:
    """The chart's objects, with the names of generated files in place of their contents."""
    text = chart(values)
    grafana = yaml.safe_load(values.read_text()).get("rules", {}).get("grafanaUrl", "").rstrip("/")
    for file in sorted((CHART / "files").rglob("*.*")):
        lines = file.read_text().replace(GRAFANA, grafana).splitlines()
        for indent in (2, 4):
            inside = "\n".join(f"{' ' * indent}{line}" for line in lines)
            text = text.replace(inside, f"{' ' * indent}<{file.relative_to(CHART)}>")
    return text


def files() -> Iterator[tuple[Path, Callable[[], str]]]:
    """Every file, with how to make what it should hold."""
    yield CHART / "README.md", readme
    for values in sorted((CHART / "ci").glob("*.yaml")):
        yield GOLDEN / f"chart-{values.name}", partial(golden, values)
    for host in sorted(HOSTS.iterdir()):
        yield GOLDEN / f"host-{host.name}.yaml", partial(overlay, host.name)


def main(arguments: list[str]) -> int:
    """Write the files, or with ``--check`` only name those that are stale."""
    missing = [tool for tool in TOOLS if not found(tool)]
    if missing:
        print(f"not compared without {', '.join(missing)}: what the chart renders", file=sys.stderr)
        return int(os.environ.get("CI") == "true")
    return keep(((path, make()) for path, make in files()), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
