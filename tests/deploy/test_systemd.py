"""The units, as far as they can be tried without a systemd that runs."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar import config
from sidecar.daemon.sockets import Sockets
from tests.conftest import Requires, skip
from tests.deploy import dockerfile, units

DAEMON = units.FOLDER / "attention-sidecar.service"
DROP_IN = units.FOLDER / "vllm.service.d/attention-sidecar.conf"
PROGRAMS = ("opt/attention-sidecar/bin/attention-sidecar", "opt/vllm/bin/vllm")
EXPOSURE = 20
"""Ten times the most that `systemd-analyze security` may say; 100 is a service without limits."""
VERIFY = """
mount -t tmpfs tmpfs /opt
for program in "$@"; do mkdir -p "$(dirname "/$program")"; ln -s /bin/true "/$program"; done
exec systemd-analyze verify --man=no "$UNITS/attention-sidecar.service" "$UNITS/vllm.service"
"""


def verified(folder: Path) -> str:
    """What systemd says against the units of a folder, their programs being there."""
    if os.getuid() != 0:
        skip("programs are put in their places by a mount, which only root can make")
    command = ["unshare", "--mount", "sh", "-euc", VERIFY, "sh", *PROGRAMS]
    environment = os.environ | {"UNITS": str(folder), "SYSTEMD_LOG_LEVEL": "warning"}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    told = (done.stdout + done.stderr).splitlines()
    return "\n".join(line for line in told if "attention" in line or "vllm" in line)


def test_systemd_has_nothing_against_the_units(requires: Requires) -> None:
    requires("systemd-analyze")
    assert verified(units.FOLDER) == ""


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("attention-sidecar.service", "ProtectSystm=strict"),
        ("vllm.service.d/attention-sidecar.conf", "SupplementaryGrups=attention-sidecar"),
    ],
)
def test_systemd_would_say_so(requires: Requires, tmp_path: Path, file: str, text: str) -> None:
    requires("systemd-analyze")
    shutil.copytree(units.FOLDER, tmp_path, dirs_exist_ok=True)
    with (tmp_path / file).open("a") as unit:
        unit.write(f"[Service]\n{text}\n")
    assert f"Unknown key '{text.partition('=')[0]}'" in verified(tmp_path)


def test_the_daemons_unit_exposes_little(requires: Requires) -> None:
    tool = requires("systemd-analyze")
    options = ["--no-pager", "--offline=true", f"--threshold={EXPOSURE}"]
    command = [str(tool), "security", *options, str(DAEMON)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert "Overall exposure level for attention-sidecar.service" in done.stdout
    assert done.returncode == 0, done.stdout


def readable(file: Path) -> bool:
    """By the daemon's user."""
    command = ["test", "-r", str(file)]
    return not subprocess.call(command, user=DAEMON_USER, group=GROUP, extra_groups=[])


def test_the_daemon_reads_its_settings_and_not_the_file_with_secrets(runtime_folder: Path) -> None:
    """systemd gives every folder to the unit's user, save this one, which stays root's."""
    folder = runtime_folder.with_name("etc")
    folder.mkdir()
    folder.chmod(int(units.service(DAEMON)["ConfigurationDirectoryMode"][0], 8))
    for name, mode in (("attention.toml", 0o644), ("environment", 0o600)):
        (folder / name).touch()
        (folder / name).chmod(mode)
    assert readable(folder / "attention.toml")
    assert not readable(folder / "environment")


def test_engine_and_image_have_the_units_sockets() -> None:
    image = dockerfile.read(units.FOLDER.parent / "images/daemon.Dockerfile")
    daemon, engine = (units.environment(units.service(file)) for file in (DAEMON, DROP_IN))
    assert set(engine.items()) <= set(daemon.items()) <= set(image.environment.items())
    assert len(engine) == 2


@pytest.fixture
def runtime_folder() -> Iterator[Path]:
    """As systemd makes it for the unit: of its user and group, with its mode."""
    if os.getuid() != 0:
        skip("becoming other users needs root")
    with tempfile.TemporaryDirectory(prefix="attention-") as place:
        Path(place).chmod(0o755)
        folder = Path(place, "run")
        folder.mkdir()
        os.chown(folder, DAEMON_USER, GROUP)
        folder.chmod(int(units.service(DAEMON)["RuntimeDirectoryMode"][0], 8))
        yield folder


DAEMON_USER, ENGINE_USER, GROUP, OTHER_GROUP = 64001, 64002, 64003, 64004


@pytest.fixture
def sockets(runtime_folder: Path) -> Iterator[Sockets]:
    """The daemon's, bound by its user with the unit's umask."""
    wire = config.Wire(
        samples=f"ipc://{runtime_folder}/samples", control=f"ipc://{runtime_folder}/control"
    )
    mask = os.umask(int(units.service(DAEMON)["UMask"][0], 8))
    os.setresgid(GROUP, GROUP, 0)
    os.setresuid(DAEMON_USER, DAEMON_USER, 0)
    try:
        bound = Sockets(wire)
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.umask(mask)
    with bound:
        yield bound


def meets(sockets: Sockets, folder: Path, further_group: int, milliseconds: int) -> bool:
    """Whether a process of another user is heard and hears, with a group besides its own."""
    child = Path(__file__).with_name("connecting_child.py")
    who = [str(number) for number in (ENGINE_USER, OTHER_GROUP, further_group)]
    command = [sys.executable, str(child), *who, str(folder), str(milliseconds)]
    with subprocess.Popen(command) as engine:
        while engine.poll() is None:
            sockets.publish([b"settings"])
            sockets.ready(0.05)
    return engine.returncode == 0


def test_an_engine_of_the_group_meets_the_daemon(sockets: Sockets, runtime_folder: Path) -> None:
    assert units.service(DROP_IN)["SupplementaryGroups"] == units.service(DAEMON)["Group"]
    assert meets(sockets, runtime_folder, GROUP, 20_000)


def test_nobody_else_does(sockets: Sockets, runtime_folder: Path) -> None:
    assert not meets(sockets, runtime_folder, 0, 500)
