"""F2: nothing is unpacked unasked, and what a reference declares is what comes or nothing does."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from console import Console
from envoy.core.kinds import read_body
from oracle import messagepack

TERABYTE = 2**40
MIB = 1024 * 1024


@pytest.fixture
def console(tmp_path: Path) -> Console:
    found = Console(tmp_path)
    found.ok("quickstart", "--space-name", "bughunt")
    return found


def test_a_bomb_stays_packed(console: Console) -> None:
    bomb = gzip.compress(bytes(64 * MIB))
    (console.cwd / "bomb.gz").write_bytes(bomb)
    put = console.ok("object", "put", "bomb.gz", "--media-type", "application/gzip")
    assert put["size"] == len(bomb)
    console.ok("object", "get", put["object_id"], "--output", "out")
    assert (console.cwd / "out").read_bytes() == bomb


@pytest.mark.parametrize(
    ("size", "chunks", "is_read"),
    [
        pytest.param(0, 1, True, id="nothing in one chunk"),
        pytest.param(TERABYTE, 1, False, id="a terabyte in one chunk"),
        pytest.param(TERABYTE, 1024, False, id="a terabyte in as many as there can be"),
        pytest.param(0, 2, False, id="nothing in two chunks"),
        pytest.param(2**63 - 1, 1, False, id="the greatest number"),
    ],
)
def test_a_declared_size_that_cannot_be_is_no_reference(
    size: int, chunks: int, is_read: bool
) -> None:
    ident = bytes(32)
    raw = messagepack.write([ident, "n", "a/b", size, ident, ident, [ident] * chunks, None, None])
    assert (read_body("object.put", raw) is not None) is is_read


def test_a_file_over_the_bound_is_refused_before_it_is_read(console: Console) -> None:
    with (console.cwd / "huge").open("wb") as file:
        file.truncate(TERABYTE)
    found = console.call("--json", "object", "put", "huge")
    assert (found.status, found.data["error_code"]) == (2, "object_too_large")


# The high water mark of this program alone: what `getrusage` says begins with that of its parent.
ZEROS = """
import sys
from envoy.cli.main import main
status = main(["--json", *sys.argv[1:]])
with open("/proc/self/status") as file:
    print(*(line.split()[1] for line in file if line.startswith("VmHWM:")), file=sys.stderr)
sys.exit(status)
"""


@pytest.mark.slow
def test_a_gibibyte_of_zeros_takes_bounded_memory(console: Console) -> None:
    size = 1_000 * MIB
    with (console.cwd / "zeros").open("wb") as file:
        file.truncate(size)
    for args in (
        ("object", "put", "zeros"),
        ("object", "get", "{object}", "--output", "out"),
    ):
        listed = console.ok("object", "list")["objects"]
        words = [one.format(object=listed[0]["object_id"] if listed else "") for one in args]
        done = subprocess.run(
            [sys.executable, "-c", ZEROS, *words],
            cwd=console.cwd,
            env=console.environment(),
            capture_output=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert int(done.stderr.split()[-1]) <= 200 * 1024
    digest = hashlib.sha256()
    with (console.cwd / "out").open("rb") as file:
        while piece := file.read(MIB):
            digest.update(piece)
    assert digest.hexdigest() == console.ok("object", "list")["objects"][0]["sha256"]
