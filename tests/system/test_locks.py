"""A lock with a queue and a bound: one holder at a time, whoever gave up, wherever it came."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envoy.errors import EnvoyError, WaitTimeoutError
from envoy.system import files


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    files.ensure_directory(str(path))
    return path


HOLD = """
import sys
from envoy.system import files
held = files.lock(sys.argv[1], timeout_s=5)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(home: Path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []

    def hold(path: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, path],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        return process

    yield hold
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", ["hub.lock", "."], ids=["a file", "a directory"])
def test_a_lock_keeps_other_processes_out_and_ends_with_its_process(
    home: Path, holder: Callable[[str], subprocess.Popen[bytes]], name: str
) -> None:
    path = str(home / name)
    process = holder(path)
    start = time.monotonic()
    with pytest.raises(WaitTimeoutError) as caught:
        files.lock(path, timeout_s=0.05)
    assert caught.value.code == "timeout"
    assert time.monotonic() - start < 2
    process.kill()
    files.lock(path, timeout_s=5).release()


def test_who_gave_up_waiting_does_not_keep_the_lock_when_it_comes(
    home: Path, holder: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    path = str(home / "lock")
    process = holder(path)
    for _ in range(5):
        with pytest.raises(WaitTimeoutError):
            files.lock(path, timeout_s=0.01)
    process.kill()
    for _ in range(5):
        with files.lock(path, timeout_s=5):
            pass


def test_threads_of_one_process_exclude_each_other_too(home: Path) -> None:
    path, inside, most = str(home / "lock"), [0], [0]

    def enter() -> None:
        for _ in range(20):
            with files.lock(path, timeout_s=10):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=enter) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def waiting(path: str) -> tuple[files._Waiter, int]:
    """Return one who is about to wait for the lock of a file, and its handle."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    found = files._Waiter(handle)
    found._done.acquire()
    return found, handle


def is_open(handle: int) -> bool:
    """Say whether a handle is open."""
    try:
        os.fstat(handle)
    except OSError:
        return False
    return True


def test_a_lock_that_comes_in_time_is_kept(home: Path) -> None:
    path = str(home / "lock")
    waiter, handle = waiting(path)
    waiter._run()
    assert waiter._held and is_open(handle)
    with pytest.raises(WaitTimeoutError):
        files.lock(path, timeout_s=0)
    os.close(handle)
    files.lock(path, timeout_s=0).release()


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(("_run", "_leave"), id="just before the waiter goes"),
        pytest.param(("_leave", "_run"), id="after the waiter went"),
    ],
)
def test_a_lock_that_comes_too_late_is_passed_on(home: Path, order: tuple[str, str]) -> None:
    path = str(home / "lock")
    waiter, handle = waiting(path)
    for step in order:
        getattr(waiter, step)()
    assert not waiter._held and not is_open(handle)
    files.lock(path, timeout_s=0).release()


def test_a_lock_that_the_kernel_refuses_while_one_waits_never_came(home: Path) -> None:
    path = str(home / "lock")
    files.create(path)
    handle = os.open(path, os.O_PATH)  # a handle that nothing can be locked by
    waiter = files._Waiter(handle)
    waiter._done.acquire()
    waiter._run()
    waiter._leave()
    assert not waiter._held and not is_open(handle)


def test_a_file_system_without_locks_is_told_by_its_fault(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    path, before = str(home / "lock"), len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(EnvoyError, match="state_access_denied") as caught:
        files.lock(path, timeout_s=0)
    assert caught.value.details["reason"] == "enolck"
    assert len(os.listdir("/proc/self/fd")) == before, "no handle is left behind"
    monkeypatch.undo()
    files.lock(path, timeout_s=0).release()


def test_what_a_released_lock_is_told_changes_nothing(home: Path) -> None:
    path = str(home / "lock")
    held = files.lock(path, timeout_s=0)
    held.note(b"witness")
    held.release()
    held.note(b"too late")
    assert files.read(path, bytes_max=20) == b"witness"


def test_a_lock_whose_notes_are_taken_back_says_what_it_said_before(home: Path) -> None:
    path = str(home / "lock")
    for before in (b"", b"before"):
        with open(path, "wb") as file:
            file.write(before)
        os.chmod(path, 0o600)
        held = files.lock(path, timeout_s=0)
        held.take_back()
        held.note(b"one note")
        held.note(b"two note")
        held.take_back()
        held.release()
        assert files.read(path, bytes_max=20) == before
        held.take_back()  # a released one changes nothing
        assert files.read(path, bytes_max=20) == before


def test_a_lock_may_be_released_twice(home: Path) -> None:
    held = files.lock(str(home / "lock"), timeout_s=0)
    held.release()
    held.release()
    files.lock(str(home / "lock"), timeout_s=0).release()
