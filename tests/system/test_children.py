"""Children: real programs, their output summed up, their ends told, signals passed on."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envoy.errors import UsageError
from envoy.system import children
from envoy.system.children import TAIL_BYTES, Ended

MIB = 1024 * 1024


def run(
    *argv: str, cwd: str | Path = ".", idle: Callable[[], None] = lambda: None
) -> tuple[Ended, bytes]:
    """Run a program and return how it ended and all that it said."""
    said = list[bytes]()
    return children.run(argv, cwd=str(cwd), take=said.append, idle=idle), b"".join(said)


def python(code: str) -> tuple[Ended, bytes]:
    """Run Python code."""
    return run(sys.executable, "-c", code)


@pytest.mark.parametrize(
    ("script", "status", "name"),
    [
        pytest.param("exit 0", 0, None, id="it ends well"),
        pytest.param("exit 3", 3, None, id="it fails"),
        pytest.param("kill -9 $$", 137, "SIGKILL", id="it is killed"),
        pytest.param("kill -40 $$", 168, "40", id="a signal of real time ends it"),
    ],
)
def test_the_status_is_that_of_the_child(script: str, status: int, name: str | None) -> None:
    done, _ = run("sh", "-c", script)
    assert (done.status, done.signal) == (status, name)


def test_both_streams_come_in_the_order_they_were_written() -> None:
    done, said = run("sh", "-c", "echo a; echo b >&2; echo c")
    assert said == b"a\nb\nc\n" == done.tail
    assert (done.size, done.sha256) == (6, hashlib.sha256(said).hexdigest())


def test_it_runs_in_the_directory(tmp_path: Path) -> None:
    assert run("pwd", "-P", cwd=tmp_path)[1].decode().strip() == str(tmp_path.resolve())


def test_of_much_output_only_the_end_is_kept() -> None:
    done, said = python("import sys; sys.stdout.write('x' * 1000000 + 'end')")
    assert done.size == len(said) == 1_000_003
    assert done.tail == b"x" * (TAIL_BYTES - 3) + b"end"


def test_a_child_that_says_nothing_is_waited_for_and_we_are_not_idle() -> None:
    called = list[float]()
    done, _ = run("sleep", "0.5", idle=lambda: called.append(time.monotonic()))
    assert done.took_ms >= 400
    assert len(called) >= 3


def test_a_child_that_closes_its_output_is_waited_for() -> None:
    done, said = run("sh", "-c", "echo a; exec >&- 2>&-; sleep 0.3; exit 4")
    assert (done.status, said) == (4, b"a\n")
    assert done.took_ms >= 250


def test_a_grandchild_that_keeps_the_pipe_is_not_waited_for() -> None:
    done, said = run("sh", "-c", "sleep 20 & echo started")
    assert (done.status, said) == (0, b"started\n")
    assert done.took_ms < 10_000


@pytest.mark.parametrize(
    ("argv", "cause"),
    [
        pytest.param(["envoy-has-no-such-program"], "ENOENT", id="no such program"),
        pytest.param(["/etc/passwd"], "EACCES", id="no program"),
        pytest.param(["/"], "EACCES", id="a directory"),
    ],
)
def test_what_cannot_be_run_is_refused(argv: list[str], cause: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(*argv)
    assert caught.value.code == "invalid_argument"
    assert caught.value.details == {"argument": "COMMAND", "cause": cause}


def test_a_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        run("true", cwd=tmp_path / "gone")
    assert caught.value.details["argument"] == "--cwd"


def test_a_failure_of_ours_ends_the_child() -> None:
    begun = time.monotonic()

    def fail() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run("sleep", "30", idle=fail)
    assert time.monotonic() - begun < 10


WRAPPER = """
import sys
from envoy.system import children
def take(piece):
    sys.stdout.write(piece.decode()); sys.stdout.flush()
done = children.run(["sh", "-c", sys.argv[1]], cwd=".", take=take, idle=lambda: None)
print(done.status, done.signal)
"""
TRAPS = "trap 'echo told; exit 7' INT TERM HUP; echo ready; while :; do sleep 0.05; done"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    ("script", "end"),
    [
        pytest.param(TRAPS, "told\n7 None\n", id="that handles it"),
        pytest.param("echo ready; exec sleep 30", "", id="that does not"),
    ],
)
def test_a_signal_for_us_reaches_a_child(number: signal.Signals, script: str, end: str) -> None:
    ours = subprocess.Popen(
        [sys.executable, "-c", WRAPPER, script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert ours.stdout is not None
    assert ours.stdout.readline() == "ready\n"
    ours.send_signal(number)
    said, _ = ours.communicate(timeout=20)
    assert said == (end or f"{128 + number} {number.name}\n")
    assert ours.returncode == 0


@pytest.mark.slow
def test_a_gigabyte_takes_no_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = children.run(
        ["head", "-c", str(1024 * MIB), "/dev/zero"],
        cwd=".",
        take=lambda _: None,
        idle=lambda: None,
    )
    assert done.size == 1024 * MIB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024
