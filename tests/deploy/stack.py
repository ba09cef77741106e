"""The services of compose.yaml as processes of one machine of their own, without containers.

The machine is a copy-on-write view of this one, with a network of its own: every file of the
stack is mounted where Compose mounts it, every service has its name and its port, and commands,
environment and health checks are those of Compose. Only the programs are this machine's.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Self

from sidecar.demo.processes import Child

_START = """
place=$1
mount -t tmpfs tmpfs "$place"
mkdir "$place/changes" "$place/work" "$place/tree"
mount -t overlay overlay "$place/tree" \
    -o "lowerdir=/,upperdir=$place/changes,workdir=$place/work"
for kept in proc sys dev tmp; do mount --rbind "/$kept" "$place/tree/$kept"; done
ip link set lo up
while IFS='|' read -r source target; do
    if [ -d "$source" ]; then
        mkdir -p "$place/tree$target"
    else
        mkdir -p "$(dirname "$place/tree$target")"
        touch "$place/tree$target"
    fi
    mount --bind "$source" "$place/tree$target"
done
exec chroot "$place/tree" sh -c 'echo up; exec sleep infinity'
"""
_GET = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=10).read().decode())"


class Stack:
    """A context manager; its processes end with it."""

    def __init__(
        self, services: Mapping[str, Any], folder: Path, programs: Mapping[str, Path]
    ) -> None:
        """``programs`` are files of this machine for paths that images have."""
        self._services, self._folder, self._programs = services, folder, programs
        self._closing = ExitStack()
        self._children: dict[str, Child] = {}
        self._holder = 0

    def __enter__(self) -> Self:
        view = self._folder / "view"
        view.mkdir()
        mounts = self._folder / "mounts"
        mounts.write_text("".join(f"{source}|{target}\n" for source, target in self._mounts()))
        command = ["unshare", "--mount", "--net", "sh", "-euc", _START, "sh", str(view)]
        log = self._folder / "machine.log"
        redirected = ["sh", "-c", f'exec "$@" <{mounts}', "sh", *command]
        with ExitStack() as opening:
            child = opening.enter_context(Child("the machine", redirected, env={}, log=log))
            child.wait_until(lambda: "up" in log.read_text().split(), seconds=30, what="the start")
            assert child._process
            self._holder = child._process.pid
            self._closing = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def volume(self, name: str) -> Path:
        """The folder of a named volume."""
        folder = self._folder / "volumes" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def log(self, service: str) -> str:
        return (self._folder / f"{service}.log").read_text(errors="replace")

    def start(self, service: str, program: Sequence[str | Path], **environment: str) -> None:
        """Run a service's command with this machine's program for it."""
        command = [*self._inside(service, environment), *map(str, program)]
        command += [str(part) for part in self._services[service].get("command") or []]
        log = self._folder / f"{service}.log"
        child = Child(service, command, env={}, log=log)
        self._children[service] = self._closing.enter_context(child)

    def run(self, service: str, command: Sequence[str], **environment: str) -> str:
        """What a command prints in the place of a service; it must succeed."""
        inside = [*self._inside(service, environment), *command]
        done = subprocess.run(inside, check=False, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def get(self, url: str) -> Any:
        """The JSON at an address of the machine."""
        return json.loads(self.run("prometheus", [sys.executable, "-c", _GET, url]))

    def healthy(self, service: str) -> bool:
        """What Compose's own health check says."""
        test = self._services[service]["healthcheck"]["test"][1:]
        inside = [*self._inside(service, {}), *test]
        return subprocess.run(inside, check=False, capture_output=True).returncode == 0

    def await_health(self, *names: str, seconds: float = 120) -> None:
        """Raises DemoError with the end of its log for one that ends or takes too long."""
        for name in names:
            healthy = partial(self.healthy, name)
            self._children[name].wait_until(healthy, seconds=seconds, what="its health")

    def _inside(self, service: str, extra: Mapping[str, str]) -> list[str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        given = self._services[service].get("environment") or {}
        environment = {"HOME": str(Path.home()), **extra, **given, "PATH": path}
        pairs = [f"{name}={value}" for name, value in environment.items()]
        enter = ["nsenter", f"--target={self._holder}", "--mount", "--net", "--root"]
        return [*enter, "env", "-i", "-C", self._folder_of(service), *pairs]

    def _folder_of(self, service: str) -> str:
        """The image's own, as far as it matters: our daemon keeps its state in it."""
        volumes = self._services[service].get("volumes", [])
        state = [mount["target"] for mount in volumes if mount["source"] == "state"]
        return state[0] if state else "/"

    def _mounts(self) -> list[tuple[str, str]]:
        """What lies where, as source and target; the names of the services are last."""
        found = {target: str(program) for target, program in self._programs.items()}
        for service in self._services.values():
            for mount in service.get("volumes", []):
                named = mount["type"] == "volume"
                source = self.volume(mount["source"]) if named else mount["source"]
                found[mount["target"]] = str(source)
        hosts = self._folder / "hosts"
        hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in self._names()))
        found["/etc/hosts"] = str(hosts)
        return [(source, target) for target, source in found.items()]

    def _names(self) -> list[str]:
        aliases = [
            alias
            for service in self._services.values()
            for network in (service.get("networks") or {}).values()
            for alias in (network or {}).get("aliases", [])
        ]
        return ["localhost", *self._services, *aliases]


def lacking() -> str:
    """What keeps such a machine from being made here; empty when nothing does."""
    if os.geteuid() != 0:
        return "a machine of its own needs mounts and a network, which only root can make"
    if missing := [tool for tool in ("unshare", "nsenter", "ip") if not shutil.which(tool)]:
        return f"{', '.join(missing)} is not installed (Debian: util-linux, iproute2)"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "the kernel has no overlay file system"
    made = subprocess.run(["unshare", "--mount", "--net", "true"], check=False, capture_output=True)
    return made.stderr.decode().strip()
