"""Git tree: which commit a directory stands at, and whether something there differs from it.

Asked of the program `git`, where there is one: its files are its own. Nothing is written, no lock
is taken, and no hook or monitor that the repository configures is run. What git does not say within
seconds, or at all, is not known, which is no error.

Specification: docs/spec/records.md, Runs.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from typing import Final, NamedTuple

ANSWER_SECONDS_MAX: Final = 10
_QUIET: Final = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


class Tree(NamedTuple):
    """A working tree: its top directory, a name for the repository, its commit in hex.

    ``is_dirty``: files differ from the commit or are new; None: git did not say.
    """

    top: str
    name: str
    head: str
    is_dirty: bool | None


def look(directory: str) -> Tree | None:
    """Return the tree that ``directory`` lies in, None without git, a repository or a commit."""
    top = _ask(directory, ("rev-parse", "--show-toplevel"))
    head = _ask(directory, ("rev-parse", "--verify", "--quiet", "HEAD^{commit}"))
    if not top or not head:
        return None
    state = _ask(top, ("status", "--porcelain", "--untracked-files=normal"))
    origin = _ask(directory, ("config", "--get", "remote.origin.url"))
    return Tree(top, _name(origin or top), head, None if state is None else bool(state))


def _name(origin: str) -> str:
    """Return the last part of an address or path, without what git adds to it."""
    last = origin.rstrip("/").replace(":", "/").rpartition("/")[2]
    return last.removesuffix(".git")


def _ask(directory: str, words: Sequence[str]) -> str | None:
    """Return what git answers in one line or more, None where it does not."""
    try:
        done = subprocess.run(
            ("git", *_QUIET, *words),
            cwd=directory,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_SECONDS_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    return done.stdout.decode("utf-8", "replace").rstrip("\n")
