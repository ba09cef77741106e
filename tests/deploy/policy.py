"""What every container of ours must promise; each rule gives what breaks it."""

from collections.abc import Iterator
from typing import Any

Tree = dict[str, Any]

OURS = ("attention-plugin", "attention-sidecar", "archiver", "monitor", "compaction", "settings")


def broken(container: Tree) -> Iterator[str]:
    """The promises that a container does not keep."""
    context = container.get("securityContext", {})
    wanted = {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    yield from (
        f"{key} is not {value}" for key, value in wanted.items() if context.get(key) != value
    )
    for bound in ("requests", "limits"):
        for resource in ("cpu", "memory"):
            if resource not in container.get("resources", {}).get(bound, {}):
                yield f"no {bound}.{resource}"
    yield from probes(container)


def probes(container: Tree) -> Iterator[str]:
    """A native sidecar's start and readiness are its pod's: nothing but its life may be asked."""
    for kind in ("startupProbe", "readinessProbe"):
        if kind in container:
            yield f"{kind} gates the pod"
    probe = container.get("livenessProbe")
    if probe and probe.get("httpGet") != {"path": "/health/live", "port": "attention-http"}:
        yield "livenessProbe asks for something else than the process"
