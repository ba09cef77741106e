"""What daemons write beside an engine fits the volume, or the values are refused."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Requires
from tests.deploy.manifests import chart, refusal

Tree = dict[str, Any]

WATCHING = {"baselines": {"existingConfigMap": "baselines"}}


@pytest.fixture(autouse=True)
def tools(requires: Requires) -> None:
    requires("helm")


def values(limit: str | int, spill_mb: int, *, archive: bool = False, **sidecar: Any) -> Tree:
    kafka = {"bootstrap_servers": ["kafka:9092"], "archive": archive, "spill_mb": spill_mb}
    state = {"emptyDir": {"sizeLimit": limit}}
    return {"settings": {"kafka": kafka}, "sidecar": {"state": state, **sidecar}}


@pytest.mark.parametrize(
    ("fits", "too_much"),
    [
        (values("1Gi", 1023), values("1Gi", 1024)),
        (values("1.5Gi", 1535), values("1.5Gi", 1536)),
        (values("1G", 953), values("1G", 954)),
        (values(1 << 32, 4095), values(1 << 32, 4096)),
        (values("4Gi", 2047, archive=True), values("4Gi", 2048, archive=True)),
        (
            values("4Gi", 1365, archive=True, **WATCHING),
            values("4Gi", 1366, archive=True, **WATCHING),
        ),
    ],
)
def test_a_spill_that_would_evict_the_engine_is_refused(
    fits: Tree, too_much: Tree, tmp_path: Path
) -> None:
    assert chart(fits, tmp_path)
    most = fits["settings"]["kafka"]["spill_mb"]
    assert f"set it to {most} at most" in refusal(too_much, tmp_path)


def test_the_default_limits_fit_each_other(tmp_path: Path) -> None:
    kafka = {"bootstrap_servers": ["kafka:9092"], "archive": True}
    assert chart({"settings": {"kafka": kafka}, "sidecar": WATCHING}, tmp_path)


def test_a_monitor_has_room_for_its_alerts(tmp_path: Path) -> None:
    monitor = {"enabled": True, "state": {"emptyDir": {"sizeLimit": "1Gi"}}, **WATCHING}
    refused = refusal(values("8Gi", 2048) | {"monitor": monitor}, tmp_path)
    assert "monitor.state.emptyDir.sizeLimit=1Gi" in refused
    assert chart(values("8Gi", 2048) | {"monitor": monitor | {"enabled": False}}, tmp_path)


def test_no_brokers_and_other_volumes_have_no_such_limit(tmp_path: Path) -> None:
    many = values("1Gi", 8192)
    assert chart({**many, "settings": {"kafka": {"spill_mb": 8192}}}, tmp_path)
    own: Tree = {"emptyDir": None, "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}
    assert chart(many | {"sidecar": {"state": own}}, tmp_path)
