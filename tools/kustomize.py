"""How the parts of `deploy/kustomize/sidecar/pod.yaml` get into each kind of workload.

Lists of kinds that Kustomize does not know cannot be patched, only replaced as a whole; copying
part by part works for all kinds alike. ``python -m tools.kustomize`` writes the files of
``attach/``; with ``--check`` it only compares.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.blocks import ROOT
from tools.generated import keep

FOLDER = ROOT / "deploy/kustomize/sidecar"
ANNOTATION = "attention-sidecar/attach"


@dataclass(frozen=True)
class Place:
    """Where a kind of workload has its pod."""

    kind: str
    pod: str
    """Path of the pod's spec."""
    annotations: str
    engine: str = "containers.0"
    """Path of the engine's container within the pod's spec."""
    selector: str = ANNOTATION


PLACES = {
    "deployment": Place("Deployment", "spec.template.spec", "spec.template.metadata.annotations"),
    "leaderworkerset": Place(
        "LeaderWorkerSet",
        "spec.leaderWorkerTemplate.workerTemplate.spec",
        "spec.leaderWorkerTemplate.workerTemplate.metadata.annotations",
    ),
    "leader": Place(
        "LeaderWorkerSet",
        "spec.leaderWorkerTemplate.leaderTemplate.spec",
        "spec.leaderWorkerTemplate.leaderTemplate.metadata.annotations",
        selector=f"{ANNOTATION}=leader-and-workers",
    ),
    "inferenceservice": Place(
        "InferenceService", "spec.predictor", "metadata.annotations", engine="model"
    ),
    "llminferenceservice": Place(
        "LLMInferenceService", "spec.template", "spec.annotations", engine="containers.[name=main]"
    ),
}


def parts(template: dict[str, Any], place: Place) -> Iterator[tuple[str, str]]:
    """Each part's path in the template, and in the workload."""
    for key in template["metadata"]["annotations"]:
        yield f"template.metadata.annotations.{key}", f"{place.annotations}.{key}"
    pod = template["spec"]
    for field in ("volumes", "initContainers"):
        for one in pod[field]:
            path = f"{field}.[name={one['name']}]"
            yield f"template.spec.{path}", f"{place.pod}.{path}"
    for field in ("env", "volumeMounts"):
        for one in pod["containers"][0][field]:
            path = f"{field}.[name={one['name']}]"
            yield f"template.spec.containers.0.{path}", f"{place.pod}.{place.engine}.{path}"


def files() -> Iterator[tuple[Path, str]]:
    """Every generated file with what it should hold."""
    template = yaml.safe_load((FOLDER / "pod.yaml").read_text())["template"]
    for name, place in PLACES.items():
        copies = [_copy(place, *paths) for paths in parts(template, place)]
        head = "# Made from ../pod.yaml; `make fix` writes it anew.\n"
        yield FOLDER / f"attach/{name}.yaml", head + yaml.safe_dump(copies, sort_keys=False)


def _copy(place: Place, source: str, target: str) -> dict[str, Any]:
    select = {"kind": place.kind, "annotationSelector": place.selector}
    return {
        "source": {"kind": "PodTemplate", "name": "attention-sidecar", "fieldPath": source},
        "targets": [{"select": select, "fieldPaths": [target], "options": {"create": True}}],
    }


def main(arguments: list[str]) -> int:
    """Write the files, or with ``--check`` only name those that are stale."""
    return keep(files(), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
