"""A root file system without our packages: a base Python, the system's programs, and no more.

It stands in for an image's base: the interpreter's own folder, `/usr` and `/etc` are this
machine's, all of them read-only.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_MOUNT = """
root=$1 mode=$2 source=$3 python=$4 writable=$5; shift 5
bind() { mount --bind "$1" "$root$2"; mount -o remount,bind,ro "$root$2"; }
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
bind /usr /usr
bind /etc /etc
[ "$python" = /usr ] || bind "$python" "$python"
bind "$source" /source
for place in $writable; do mount --bind "$root$place" "$root$place"; done
mount -o "remount,bind,$mode" "$root"
exec chroot "$root" "$@"
"""
_FOLDERS = ("dev", "proc", "usr", "etc", "tmp", "source", "opt", "run", "var/lib")
_LINKS = ("bin", "sbin", "lib", "lib64")
_PATH = f"{sys.base_prefix}/bin:/usr/bin:/bin:/usr/sbin:/sbin"
_KEPT = ("PIP_", "SSL_", "REQUESTS_", "HTTP", "NO_PROXY", "http", "no_proxy")


class CleanRoot:
    """Commands that see ``folder`` as the whole machine; their mounts end with them."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.folder, self._source = folder, source
        for name in (*_FOLDERS, sys.base_prefix.strip("/")):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "tmp").chmod(0o1777)
        for name in _LINKS:
            (folder / name).symlink_to(f"usr/{name}")

    def build(self, step: str) -> str:
        """Run a step as root, with pip's settings, on a tree that can be written; its output."""
        pip = {name: value for name, value in os.environ.items() if name.startswith(_KEPT)}
        command = self._command(["sh", "-euc", step], pip | {"PATH": _PATH}, mode="rw")
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def command(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        user: str,
        folder: str,
        writable: Sequence[str],
    ) -> list[str]:
        """A process without rights on a read-only tree, save the folders that are ``writable``."""
        uid, _, gid = user.partition(":")
        rights = ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]
        as_user = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *rights]
        inside = ["sh", "-c", 'cd "$0" && exec "$@"', folder, *as_user, *arguments]
        paths = {"PATH": _PATH, **environment}
        paths["PATH"] = paths["PATH"].replace("$PATH", _PATH)
        return self._command(inside, paths, mode="ro", writable=writable)

    def _command(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        mode: str,
        writable: Sequence[str] = (),
    ) -> list[str]:
        places = [str(self.folder), mode, str(self._source), sys.base_prefix, " ".join(writable)]
        pairs = [f"{name}={value}" for name, value in environment.items()]
        clean = ["env", "-i", *pairs, *arguments]
        return ["unshare", "--mount", "sh", "-euc", _MOUNT, "sh", *places, *clean]


def lacking() -> str:
    """What keeps such a root from being made here; empty when nothing does."""
    if os.geteuid() != 0:
        return "a clean root needs mounts, and only root can mount"
    if missing := [tool for tool in ("unshare", "setpriv", "chroot") if not shutil.which(tool)]:
        return f"{', '.join(missing)} is not installed (Debian: util-linux, coreutils)"
    tried = subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True)
    return tried.stderr.decode().strip()
