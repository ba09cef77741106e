"""The rules see what breaks them."""

from copy import deepcopy
from typing import Any

import pytest

from tests.deploy import policy

KEEPS: dict[str, Any] = {
    "name": "archiver",
    "resources": {bound: {"cpu": "1", "memory": "1Gi"} for bound in ("requests", "limits")},
    "livenessProbe": {"httpGet": {"path": "/health/live", "port": "attention-http"}},
    "securityContext": {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}


def test_a_container_that_keeps_them() -> None:
    assert list(policy.broken(KEEPS)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("securityContext.runAsNonRoot", False),
        ("securityContext.runAsUser", 0),
        ("securityContext.allowPrivilegeEscalation", True),
        ("securityContext.readOnlyRootFilesystem", None),
        ("securityContext.capabilities", {"add": ["SYS_ADMIN"]}),
        ("resources.limits", {"cpu": "1"}),
        ("resources.requests", {}),
        ("readinessProbe", {"httpGet": {"path": "/health/ready", "port": "attention-http"}}),
        ("startupProbe", {"exec": {"command": ["true"]}}),
        ("livenessProbe.httpGet", {"path": "/", "port": 9092}),
    ],
)
def test_a_container_that_breaks_one(path: str, value: Any) -> None:
    container = deepcopy(KEEPS)
    *parents, last = path.split(".")
    place = container
    for name in parents:
        place = place[name]
    place[last] = value
    assert list(policy.broken(container))
