"""The daemon under what its unit allows it."""

import sys
from pathlib import Path

import pytest

from tests.conftest import Requires
from tests.daemon.synthetic import Tap
from tests.daemon.test_service import Daemon
from tests.deploy import units
from tests.waiting import eventually

UNIT = units.FOLDER / "attention-sidecar.service"
BASELINE = Path(__file__).parents[2] / "sidecar/demo/models/grounded/baseline.json"
NOBODY = "127.0.0.1:9"
SETTINGS = (
    f'kafka.bootstrap_servers=["{NOBODY}"]',
    f"otel.endpoint=http://{NOBODY}",
    f'drift.baseline=["{BASELINE}"]',
    f'drift.alertmanager=["http://{NOBODY}"]',
)


@pytest.fixture
def within(requires: Requires) -> list[str]:
    requires("systemd-analyze")
    return [sys.executable, "-m", "tests.deploy.filtered", str(UNIT)]


@pytest.mark.slow
@pytest.mark.parametrize("settings", [(), SETTINGS], ids=["default", "every sink"])
def test_the_unit_allows_every_call_that_the_daemon_makes(
    within: list[str], settings: tuple[str, ...], tmp_path: Path, free_port: int
) -> None:
    spill = f"kafka.spill_path={tmp_path / 'spill'}", f"drift.state_path={tmp_path / 'drift'}"
    daemon = Daemon(tmp_path, free_port, *settings, *spill, within=within)
    daemon.send(Tap(layers=[0, 1], heads=4).message(4))
    eventually(lambda: daemon.has(4, taken_by="archive"))
    assert daemon.stop() == 0, daemon.log.read_text()
    assert daemon.archived() == (4, 4)
