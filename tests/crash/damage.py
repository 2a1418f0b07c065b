"""A small home to be damaged: a machine with two members, whose files a test may spoil."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from console import Console, Result
from envoy.system import db

PROFILES = ("lead", "a1")
PAGE = 4096
FILES = (
    "hub/hub.db",
    "hub/hub.db-wal",
    "profiles/a1/identity.json",
    "profiles/a1/replica.db",
    "profiles/a1/replica.db-wal",
    "config.toml",
)


class Home:
    """A home with a space in it, made once and laid out anew for each damage."""

    def __init__(self, root: Path) -> None:
        self.console = Console(root)
        self.root = root
        self._kept = root / "kept"

    @property
    def place(self) -> Path:
        """Return the home."""
        return self.console.home

    def make(self, *, folded: bool) -> None:
        """Fill the home: messages, tasks, a confirmed claim; ``folded``: all in the databases."""
        ok = self.console.ok
        made = ok("--profile", "lead", "quickstart", "--human", "--space-name", "bughunt")
        ok("--profile", "a1", "join", made["invite_code"])
        task = ok("--profile", "lead", "task", "create", "Repro crash")["task_id"]
        self.fold()
        ok("--profile", "a1", "task", "claim", task)
        for number in range(4):
            ok("--profile", PROFILES[number % 2], "send", f"message {number}")
        ok("--profile", "a1", "inbox", "ack")
        for name in PROFILES * 2:
            ok("--profile", name, "sync")
        (self.place / "config.toml").write_text('# mine\nspace = "bughunt"\n')
        (self.place / "config.toml").chmod(0o600)
        if folded:
            self.fold()
        shutil.copytree(self.place, self._kept, symlinks=True)

    def fold(self) -> None:
        """Fold every log into its database."""
        for path in self.place.rglob("*.db"):
            db.seal_off(os.fspath(path))

    def restore(self) -> None:
        """Lay the home out as it was made."""
        shutil.rmtree(self.place)
        shutil.copytree(self._kept, self.place, symlinks=True)

    def flip(self, file: str, at: int, mask: int) -> None:
        """Change the bits ``mask`` of one byte of a file."""
        path = self.place / file
        data = bytearray(path.read_bytes())
        data[at] ^= mask
        path.write_bytes(data)

    def call(self, name: str, *args: str) -> Result:
        """Call a command as a profile."""
        return self.console.call("--profile", name, *args)

    def events(self, name: str) -> set[str]:
        """Return the ids of all that a profile shows of the space, and what it shows of them."""
        found = self.call(name, "--json", "history", "--space", "bughunt", "--limit", "500")
        if found.status:
            return set()
        records: list[dict[str, Any]] = found.data["records"]
        return {f"{one['event_id']} {one['event_status']} {one['body']}" for one in records}
