"""Steady: chance and the clock of a process, the same each time.

What a command does then follows from the files that it finds and from nothing else: the same call
is the seventeenth in every run, and one tree always comes to the same. Time stands, but for a
millisecond at each look. The clock that measures durations goes on as it does. Boxes are sealed by
a library that draws by itself: who seals the same to the same is given the box of the first time.
"""

from __future__ import annotations

import os
import pickle
import time
from hashlib import shake_256
from pathlib import Path
from typing import Final

from envoy.core.crypto import seal

BEGIN_NS: Final = 1_767_268_800 * 10**9  # noon of a day that is over
TICK_NS: Final = 10**6


class Steady:
    """What `os.urandom` and `time` answer in this process and its forks, once it is there."""

    def __init__(self) -> None:
        self.restart("")
        os.urandom = self.entropy
        time.time_ns = self.now_ns
        time.time = lambda: self.now_ns() / 10**9

    def restart(self, seed: str, at_ns: int = BEGIN_NS) -> None:
        """Begin again, with a seed and a moment."""
        self._seed, self._drawn, self._now = seed, 0, at_ns

    def entropy(self, count: int) -> bytes:
        """Return bytes that nothing but the seed and what was drawn before decides."""
        self._drawn += 1
        return shake_256(f"{self._seed} {self._drawn}".encode()).digest(count)

    def now_ns(self) -> int:
        """Return a moment a little later than the last."""
        self._now += TICK_NS
        return self._now


class Boxes:
    """Every box that this process and its forks sealed, by what is in it; kept in a file."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0
        self._known = dict[tuple[bytes, bytes, bytes], bytes]()
        self._seal = seal.seal
        path.touch()
        seal.seal = self.seal

    def seal(self, enc_pk: bytes, info: bytes, plaintext: bytes) -> bytes:
        """Do as `seal.seal`, but draw only once for the same."""
        what = enc_pk, info, plaintext
        if what not in self._known:
            self._known[what] = self._seal(*what)
            with self._path.open("ab") as file:
                file.write(pickle.dumps((what, self._known[what])))
        return self._known[what]

    def read(self) -> None:
        """Take in what forks sealed. A fork that ends while it writes leaves nothing here."""
        if self._path.stat().st_size <= self._read:
            return
        with self._path.open("rb") as file:
            file.seek(self._read)
            while self._read < self._path.stat().st_size:
                what, box = pickle.load(file)
                self._known[what] = box
                self._read = file.tell()
