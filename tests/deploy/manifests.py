"""What helm and kustomize render, and the pods in it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate.utils
import yaml

from tools import rendered

Tree = dict[str, Any]

CI = sorted((rendered.CHART / "ci").glob("*.yaml"))
HOSTS = sorted(host.name for host in rendered.HOSTS.iterdir())
_VERSIONS = kubernetes_validate.utils.all_versions()
MINORS = list(dict.fromkeys(one.rpartition(".")[0] for one in _VERSIONS))[-3:]
"""The last three minor versions of Kubernetes whose schemas are at hand."""


def chart(
    values: Path | Tree, folder: Path | None = None, kubernetes: str = MINORS[-1]
) -> list[Tree]:
    """The chart's objects. Raises CalledProcessError."""
    if isinstance(values, dict):
        assert folder
        file = folder / "values.yaml"
        file.write_text(yaml.safe_dump(values))
        values = file
    return objects(rendered.chart(values, kubernetes))


def refusal(values: Tree, folder: Path) -> str:
    """What the chart says to values that it refuses."""
    try:
        chart(values, folder)
    except subprocess.CalledProcessError as error:
        return str(error.stderr)
    raise AssertionError(f"{values} were taken")


def overlay(folder: Path | str) -> list[Tree]:
    """The objects of a host, or of a folder, with the sidecar. Raises CalledProcessError."""
    return objects(rendered.run("kustomize", "build", rendered.HOSTS / folder))


def objects(text: str) -> list[Tree]:
    """Of a stream of YAML."""
    return [one for one in yaml.safe_load_all(text) if one]


def named(found: list[Tree], kind: str, end: str = "") -> Tree:
    """The one object of a kind whose name ends so."""
    (one,) = [one for one in found if one["kind"] == kind and one["metadata"]["name"].endswith(end)]
    return one


def pods(one: Tree) -> Iterator[Tree]:
    """The specs of pods that an object makes; of KServe's kinds, what it adds to a runtime's."""
    spec = one.get("spec", {})
    match one["kind"]:
        case "Pod":
            yield spec
        case "Deployment":
            yield spec["template"]["spec"]
        case "CronJob":
            yield spec["jobTemplate"]["spec"]["template"]["spec"]
        case "LeaderWorkerSet":
            templates = spec["leaderWorkerTemplate"]
            yield from (
                templates[role]["spec"]
                for role in ("leaderTemplate", "workerTemplate")
                if role in templates
            )
        case "InferenceService":
            model = {"name": "kserve-container", **spec["predictor"]["model"]}
            container = {
                key: model[key] for key in model if key not in ("modelFormat", "storageUri")
            }
            rest = {key: one for key, one in spec["predictor"].items() if key != "model"}
            yield {**rest, "containers": [container]}
        case "LLMInferenceService":
            yield spec["template"]


def containers(pod: Tree) -> list[Tree]:
    """All of a pod, those that only start it included."""
    return [*pod.get("initContainers", []), *pod["containers"]]


def validate(one: Tree, kubernetes: str) -> None:
    """By the schemas of Kubernetes, with unknown fields refused. Raises ValidationError."""
    kubernetes_validate.validate(one, kubernetes, strict=True)


def validate_pod(spec: Tree, kubernetes: str) -> None:
    """As `validate`, for a pod within a kind that Kubernetes does not have."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "any"}, "spec": spec}
    validate(pod, kubernetes)
