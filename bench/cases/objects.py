"""Objects: what a long file costs to share and to get, against the same work without Envoy.

The yardstick is a bare loop of what no sealed file can do without: AES-256-GCM of each piece,
SHA-256 of what goes in and of what comes out (a chunk is named by one, a reference holds the
other), and an fsync of every file that is made. It is a process of its own, as Envoy's command is,
and starts with nothing loaded.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import world
from bench.rounds import Contender, Race, Target, Wrong
from bench.setting import Case, Setting, answer, environment, spend

BYTES = 100_000_000
MEGA = 1e6
LEAST = 0.8
# Reads, encrypts, hashes and makes durable piece by piece; or the way back into one file.
IN = """
import hashlib, os, sys
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
source, target = sys.argv[1:]
os.makedirs(target)
cipher, number, whole = AESGCM(bytes(32)), 0, hashlib.sha256()
with open(source, "rb") as file:
    while piece := file.read(1048560):
        whole.update(piece)
        chunk = cipher.encrypt(number.to_bytes(12, "big"), piece, b"aad")
        name = os.path.join(target, f"{number:03}-{hashlib.sha256(chunk).hexdigest()}")
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(handle, chunk)
        os.fsync(handle)
        os.close(handle)
        number += 1
"""
OUT = """
import hashlib, os, sys
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
source, target = sys.argv[1:]
cipher, whole = AESGCM(bytes(32)), hashlib.sha256()
with open(target, "wb") as file:
    for number, name in enumerate(sorted(os.listdir(source))):
        with open(os.path.join(source, name), "rb") as one:
            chunk = one.read()
        assert hashlib.sha256(chunk).hexdigest() == name[4:]
        piece = cipher.decrypt(number.to_bytes(12, "big"), chunk, b"aad")
        whole.update(piece)
        file.write(piece)
    file.flush()
    os.fsync(file.fileno())
"""


def empty(path: Path) -> None:
    """Remove a file, or all files below a directory; directories that are there stay in use."""
    for one in [path] if path.is_file() else list(path.rglob("*")):
        if one.is_file():
            one.unlink()


def timed(name: str, work: Callable[[], tuple[Path, ...]]) -> Contender:
    """Return ``work`` on the file as a contender in megabytes per second.

    What it names is removed afterwards: a hundred rounds must not fill the disk.
    """

    def once() -> float:
        began = time.perf_counter()
        made = work()
        spent = time.perf_counter() - began
        for path in made:
            empty(path)
        return BYTES / MEGA / spent

    return Contender(name, "per_s", once)


def bare(setting: Setting, program: str, *args: str) -> None:
    """Run a yardstick as a process."""
    spent = spend([sys.executable, "-c", program, *args], environment(), setting.scratch)
    if spent.exit != 0:
        raise Wrong(spent.err)


def told(setting: Setting, home: Path, words: Sequence[str], profile: str) -> dict[str, object]:
    """Return the answer of a command of Envoy."""
    argv = [setting.envoy, "--json", "object", *words]
    return answer(spend(argv, environment(home, profile), setting.scratch))


def prepared(setting: Setting) -> tuple[world.World, Path]:
    """Return a space of two, and a file that cannot be compressed."""
    source = setting.scratch / "source"
    source.write_bytes(os.urandom(BYTES))
    return world.make(setting.scratch / "home", ("writer", "reader")), source


class Names:
    """Names that were not used yet."""

    def __init__(self, place: Path, stem: str = "made") -> None:
        self._place = place
        self._stem = stem
        self._count = 0

    def next(self) -> Path:
        """Return another path."""
        self._count += 1
        return self._place / f"{self._stem}-{self._count}"


def putting(setting: Setting, made: world.World, source: Path) -> Contender:
    """Return the sharing of a file as a contender."""
    chunks = (made.home / "hub" / "chunks", made.home / "profiles" / "writer" / "objects")

    def put() -> tuple[Path, ...]:
        found = told(setting, made.home, ("put", str(source)), "writer")
        if found["size"] != BYTES or found["pending_sync"] or found["state"] != "complete":
            raise Wrong(f"not shared: {found}")
        return chunks

    return timed("object put", put)


def getting(setting: Setting, made: world.World, object_id: str) -> Contender:
    """Return as a contender what brings a file that somebody else shared, from the hub."""
    names = Names(setting.scratch, "got")
    chunks = made.home / "profiles" / "reader" / "objects"

    def get() -> tuple[Path, ...]:
        target = names.next()
        told(setting, made.home, ("get", object_id, "--output", str(target)), "reader")
        if os.stat(target).st_size != BYTES:
            raise Wrong("not all came out")
        return target, chunks

    return timed("object get", get)


def play_put(setting: Setting) -> Race:
    """Measure sharing a file."""
    made, source = prepared(setting)
    names = Names(setting.scratch)

    def loop() -> tuple[Path, ...]:
        target = names.next()
        bare(setting, IN, str(source), str(target))
        return (target,)

    race = (timed("loop", loop), putting(setting, made, source))
    return Race(race, (Target("object put", "loop", LEAST, is_most=False),), rounds=9, warm=1)


def play_get(setting: Setting) -> Race:
    """Measure getting a file that somebody else shared, whose chunks are at the hub."""
    made, source = prepared(setting)
    names = Names(setting.scratch)
    shared = told(setting, made.home, ("put", str(source)), "writer")
    there = names.next()
    bare(setting, IN, str(source), str(there))

    def loop() -> tuple[Path, ...]:
        target = names.next()
        bare(setting, OUT, str(there), str(target))
        return (target,)

    race = (timed("loop", loop), getting(setting, made, str(shared["object_id"])))
    return Race(race, (Target("object get", "loop", LEAST, is_most=False),), rounds=9, warm=1)


CASES = (
    Case("object.put", "100 MB by a cold process", play_put),
    Case("object.get", "100 MB by a cold process", play_get),
)
