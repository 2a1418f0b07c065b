"""Files of mine only, replaced whole."""

from __future__ import annotations

import errno
import os
import resource
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envoy import limits
from envoy.errors import EnvoyError, IntegrityError, InternalError
from envoy.system import files

NOBODY = 65534


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    files.ensure_directory(str(path))
    return path


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def refusal(call: Callable[[], object]) -> tuple[str, object]:
    with pytest.raises(EnvoyError) as caught:
        call()
    return caught.value.code, caught.value.details.get("reason")


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_files_and_directories_are_mine_alone_under_any_umask(
    tmp_path: Path, umask: Callable[[int], int], mask: int
) -> None:
    umask(mask)
    files.ensure_directory(str(tmp_path / "a" / "b"))
    files.replace(str(tmp_path / "a" / "b" / "key"), b"secret")
    files.create(str(tmp_path / "a" / "b" / "new"))
    files.lock(str(tmp_path / "a" / "b" / "lock"), timeout_s=0).release()
    assert mode(tmp_path / "a") == mode(tmp_path / "a" / "b") == 0o700
    assert {mode(path) for path in (tmp_path / "a" / "b").iterdir()} <= {0o600, 0o000}
    assert mode(tmp_path / "a" / "b" / "key") == mode(tmp_path / "a" / "b" / "new") == 0o600


def test_a_file_is_read_as_it_was_written_and_replaced_whole(home: Path) -> None:
    path = str(home / "identity.json")
    files.replace(path, b"one")
    files.replace(path, b"two")
    assert files.read(path, bytes_max=3) == b"two"
    assert os.listdir(home) == ["identity.json"]


def test_a_kill_in_the_middle_leaves_no_half_of_a_new_file(home: Path) -> None:
    path = home / "new"
    child = os.fork()
    if not child:
        vars(os)["fsync"] = lambda _: os._exit(9)
        files.create(str(path), b"whole")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert not path.exists()
    assert files.create(str(path), b"whole") and path.read_bytes() == b"whole"
    assert path.stat().st_mode & 0o777 == 0o600


def test_create_never_overwrites(home: Path) -> None:
    path = str(home / "file")
    assert files.create(path, b"first")
    assert not files.create(path, b"second")
    assert files.read(path, bytes_max=100) == b"first"


def test_a_reader_of_a_file_that_is_being_replaced_sees_the_old_or_the_new(home: Path) -> None:
    path = str(home / "file")
    versions = [b"a" * 5000, b"b" * 5000]
    files.replace(path, versions[0])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for data in versions:
                files.replace(path, data)

    writer = threading.Thread(target=write)
    writer.start()
    seen = {files.read(path, bytes_max=5000) for _ in range(200)}
    stop.set()
    writer.join()
    assert seen <= set(versions)


def plain(path: Path) -> None:
    path.write_bytes(b"data")
    path.chmod(0o600)


def linked(path: Path) -> None:
    plain(path.with_name("target"))
    path.symlink_to(path.with_name("target"))


def dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def twice(path: Path) -> None:
    plain(path)
    os.link(path, path.with_name("second name"))


def fifo(path: Path) -> None:
    os.mkfifo(path, 0o600)


def sock(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    path.chmod(0o600)


def directory(path: Path) -> None:
    path.mkdir(0o700)


def readable(path: Path) -> None:
    plain(path)
    path.chmod(0o640)


def foreign(path: Path) -> None:
    plain(path)
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    else:  # nothing to give away: the refusal of somebody else's file, by a file of root
        path.unlink()
        path.symlink_to("/etc/hosts")


FOREIGN = "foreign_owner" if os.geteuid() == 0 else "symlink"
BAD = [
    pytest.param(linked, "symlink", id="a link to a good file"),
    pytest.param(dangling, "symlink", id="a link that leads nowhere"),
    pytest.param(twice, "hardlink", id="a file with a second name"),
    pytest.param(fifo, "not_a_file", id="a FIFO"),
    pytest.param(sock, "not_a_file", id="a socket"),
    pytest.param(directory, "not_a_file", id="a directory"),
    pytest.param(readable, "mode", id="a file that my group can read"),
    pytest.param(foreign, FOREIGN, id="a file of somebody else"),
]


@pytest.mark.parametrize(("make", "reason"), BAD)
def test_what_is_not_a_file_of_mine_alone_is_refused(
    home: Path, make: Callable[[Path], None], reason: str
) -> None:
    path = home / "file"
    make(path)
    denied = ("state_access_denied", reason)
    assert refusal(lambda: files.check_file(str(path))) == denied
    assert refusal(lambda: files.read(str(path), bytes_max=10)) == denied
    assert refusal(lambda: files.replace(str(path), b"new")) == denied
    if make is directory:  # a directory can be locked, too
        path.rmdir()
    else:
        assert refusal(lambda: files.lock(str(path), timeout_s=0)) == denied
        path.unlink()
    plain(path)
    files.check_file(str(path))
    assert files.read(str(path), bytes_max=10) == b"data"


def test_a_wide_mode_comes_with_the_command_that_mends_it(home: Path) -> None:
    path = home / "it's mine"
    readable(path)
    with pytest.raises(IntegrityError) as caught:
        files.check_file(str(path))
    assert caught.value.details["path"] == str(path)
    assert caught.value.next_command is not None
    subprocess.run(["/bin/sh", "-c", caught.value.next_command], check=True)
    files.check_file(str(path))


@pytest.mark.parametrize("wide", [0o750, 0o701, 0o777])
def test_a_directory_that_others_enter_is_refused(home: Path, wide: int) -> None:
    files.check_directory(str(home))
    home.chmod(wide)
    assert refusal(lambda: files.check_directory(str(home))) == ("state_access_denied", "mode")
    assert refusal(lambda: files.ensure_directory(str(home))) == ("state_access_denied", "mode")


def test_a_directory_that_is_a_link_or_a_file_is_refused(home: Path) -> None:
    (home / "link").symlink_to(home)
    plain(home / "file")
    denied = "state_access_denied"
    assert refusal(lambda: files.ensure_directory(str(home / "link"))) == (denied, "symlink")
    assert refusal(lambda: files.ensure_directory(str(home / "file"))) == (
        denied,
        "not_a_directory",
    )
    inside = str(home / "file" / "inside")
    assert refusal(lambda: files.check_file(inside)) == (denied, "not_a_directory")
    assert refusal(lambda: files.ensure_directory(inside))[0] == denied
    assert refusal(lambda: files.sync_directory(str(home / "file"))) == (denied, "not_a_directory")


def test_a_missing_file_is_told_apart(home: Path) -> None:
    path = str(home / "nothing")
    assert not files.exists(path)
    missing = ("state_access_denied", "missing")
    assert refusal(lambda: files.check_file(path)) == missing
    assert refusal(lambda: files.read(path, bytes_max=1)) == missing
    files.create(path)
    assert files.exists(path)


@pytest.mark.parametrize(
    "call", [files.exists, files.create, files.ensure_directory, files.check_file]
)
def test_a_name_that_no_file_can_have_is_refused(home: Path, call: Callable[[str], object]) -> None:
    path = str(home / ("n" * 300))
    assert refusal(lambda: call(path)) == ("state_access_denied", "enametoolong")
    call(str(home / ("n" * 200))) if call is not files.check_file else files.check_directory(
        str(home)
    )


def test_a_file_over_its_bound_is_corrupt_and_never_read_whole(home: Path) -> None:
    path = str(home / "file")
    files.replace(path, b"x" * 11)
    assert refusal(lambda: files.read(path, bytes_max=10)) == ("state_corrupt", "too_large")
    assert files.read(path, bytes_max=11) == b"x" * 11


def test_a_full_disk_leaves_the_old_file_and_no_draft(home: Path) -> None:
    path = str(home / "file")
    files.replace(path, b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(InternalError) as caught:
            files.replace(path, b"n" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (caught.value.code, caught.value.details["reason"]) == ("storage_failed", "efbig")
    assert files.read(path, bytes_max=10) == b"old"
    assert os.listdir(home) == ["file"]
    files.replace(path, b"n" * 1000)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "storage_failed"),
        (errno.EDQUOT, "storage_failed"),
        (errno.EIO, "storage_failed"),
        (errno.EMFILE, "internal"),
        (errno.EROFS, "state_access_denied"),
        (errno.EACCES, "state_access_denied"),
    ],
)
def test_each_fault_of_the_system_has_its_code(number: int, code: str) -> None:
    assert files.fault(OSError(number, ""), "/a").code == code


def test_drafts_of_killed_writers_are_swept_and_fresh_ones_left(home: Path) -> None:
    stale, fresh, other = (home / n for n in (".key.1.tmp", ".key.2.tmp", ".other.1.tmp"))
    for path in (stale, fresh, other):
        plain(path)
    old = time.time() - limits.DRAFT_SECONDS_MAX - 10
    os.utime(stale, (old, old))
    os.utime(other, (old, old))
    files.replace(str(home / "key"), b"")
    assert sorted(os.listdir(home)) == [".key.2.tmp", ".other.1.tmp", "key"]


def test_where_nothing_can_be_listed_nothing_is_replaced(home: Path) -> None:
    path = str(home / "key")
    files.replace(path, b"old")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        found = refusal(lambda: files.replace(path, b"new"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert found == ("internal", "emfile") and files.read(path, bytes_max=3) == b"old"


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda path: files.sync_file(path), id="sync a file"),
        pytest.param(lambda path: files.sync_directory(path), id="sync a directory"),
        pytest.param(lambda path: files.rename(path, path + "2"), id="rename"),
        pytest.param(lambda path: files.replace(path + "/key", b""), id="replace a file in it"),
        pytest.param(lambda path: files.create(path + "/key", b""), id="make a file in it"),
    ],
)
def test_what_is_done_to_a_file_that_is_gone_names_it(
    home: Path, call: Callable[[str], object]
) -> None:
    assert refusal(lambda: call(str(home / "gone"))) == ("state_access_denied", "missing")
    assert os.listdir(home) == []


def test_a_directory_is_not_removed_as_a_file(home: Path) -> None:
    files.ensure_directory(str(home / "a"))
    assert refusal(lambda: files.remove(str(home / "a"))) == ("state_access_denied", "not_a_file")
    files.remove(str(home / "nothing"))
    assert os.listdir(home) == ["a"]


def test_a_glance_is_the_beginning_or_nothing_and_never_an_error(home: Path) -> None:
    path = home / "file"
    plain(path)
    assert files.glance(str(path), 3) == path.read_bytes()[:3]
    assert files.glance(str(path), 1000) == path.read_bytes()
    for nothing in (home, home / "gone", home / ("n" * 300)):
        assert files.glance(str(nothing), 3) == b""


MOUNTS = (
    b"22 28 0:21 / /proc rw,nosuid shared:12 - proc proc rw\n"
    b"31 28 254:0 / / rw shared:1 - ext4 /dev/vda rw\n"
    b"40 31 0:51 / /mnt/n rw shared:2 - nfs4 server:/export rw\n"
)


@pytest.mark.parametrize(
    ("device", "kind"), [((0, 51), "nfs4"), ((254, 0), "ext4"), ((0, 99), None)]
)
def test_the_file_system_of_a_device_is_found_in_the_mounts(
    device: tuple[int, int], kind: str | None
) -> None:
    assert files._mounted_as(os.makedev(*device), MOUNTS) == kind


def test_a_local_disk_and_the_memory_of_the_kernel_are_no_network(tmp_path: Path) -> None:
    assert not files.is_network(str(tmp_path))
    assert not files.is_network("/proc")
    assert not files.is_network(str(tmp_path / "missing"))
