"""Age: a file encrypted to a key and decrypted again (the Debian package `age`).

What it promises beside Envoy: X25519 and ChaCha20-Poly1305 over the whole file. It syncs nothing,
so the bench syncs what it made, within the clock. It stores and shares nothing, and names nothing
by a hash: Envoy hashes plaintext and chunks, syncs each chunk, gives the hub its names, signs and
logs the reference.
"""

from __future__ import annotations

import os
from pathlib import Path

from bench.peers import finding
from bench.peers.finding import Program
from bench.rounds import Wrong
from bench.setting import environment, spend

PROMISE = "the bench syncs its output; it neither hashes, stores nor shares"


def find() -> Program | None:
    """Return `age`, None where it or `age-keygen` is not installed."""
    return finding.program("age", "--version") if finding.find("age-keygen") else None


class Files:
    """A key, and what is encrypted to it."""

    def __init__(self, age: Program, place: Path) -> None:
        self._age = age
        self._place = place
        place.mkdir(parents=True)
        self._key = place / "key"
        keygen = finding.find("age-keygen")
        assert keygen is not None, "find() looked for it"
        self._run(keygen, "-o", str(self._key))
        self._to = self._run(keygen, "-y", str(self._key)).strip()

    def _run(self, *argv: str) -> str:
        spent = spend(argv, environment(), self._place)
        if spent.exit != 0:
            raise Wrong(f"age: {spent.err[-300:]}")
        return spent.out

    def encrypt(self, source: Path, target: Path) -> None:
        """Encrypt a file to the key, durably."""
        self._run(self._age.path, "-r", self._to, "-o", str(target), str(source))
        _sync(target)

    def decrypt(self, source: Path, target: Path) -> None:
        """Decrypt a file, durably."""
        self._run(self._age.path, "-d", "-i", str(self._key), "-o", str(target), str(source))
        _sync(target)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    os.close(file)
