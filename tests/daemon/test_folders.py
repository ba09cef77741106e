"""Which folders the daemon takes for its sockets and its token."""

import os
from pathlib import Path

import pytest

from sidecar import config
from sidecar.config import runtime_dir
from sidecar.daemon.sockets import AddressError, Sockets, private_folder


def made(path: Path, mode: int) -> Path:
    path.mkdir()
    path.chmod(mode)
    return path


def test_a_folder_that_is_not_there_is_made_for_this_user_alone(tmp_path: Path) -> None:
    private_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o755, 0o1777, 0o710])
def test_the_runtime_folder_must_be_closed_to_others(mode: int) -> None:
    folder = made(runtime_dir(), mode)
    with pytest.raises(AddressError, match=f"mode {mode:04o}.*chmod 700") as caught:
        private_folder(folder)
    assert str(folder) in str(caught.value)
    folder.chmod(0o700)
    private_folder(folder)


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o770, 0o2775, 0o1777])
def test_a_named_folder_may_be_shared(tmp_path: Path, mode: int) -> None:
    private_folder(made(tmp_path / "shared", mode))


@pytest.mark.parametrize("mode", [0o777, 0o2777, 0o702])
def test_a_named_folder_where_all_may_remove_our_files_is_refused(
    tmp_path: Path, mode: int
) -> None:
    folder = made(tmp_path / "open", mode)
    with pytest.raises(AddressError, match=f"mode {mode:04o}.*chmod o-w") as caught:
        Sockets(config.Wire(samples=f"ipc://{folder}/samples", control=f"ipc://{folder}/control"))
    assert str(folder) in str(caught.value)
    private_folder(folder / "inside")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    made(tmp_path / "real", 0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(AddressError, match="no link"):
        private_folder(tmp_path / "link")


def test_a_folder_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, user = made(tmp_path / "theirs", 0o755), os.getuid()
    if user == 0:
        os.chown(folder, 65534, -1)
    else:
        monkeypatch.setattr(os, "getuid", lambda: user + 1)
    with pytest.raises(AddressError, match=r"belongs to user .*chown"):
        private_folder(folder)


def test_a_lock_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "samples.lock").mkdir()
    addresses = {name: f"ipc://{tmp_path}/{name}" for name in ("samples", "control")}
    with pytest.raises(AddressError, match=r"wire\.samples: cannot write .*samples\.lock"):
        Sockets(config.Wire(**addresses))
