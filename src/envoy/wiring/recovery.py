"""Recovery: the words of a new identity on their way to its owner, once.

They go to a terminal or into a file of mode 0600, never into JSON, a log or an argument. The file
is taken before the identity is made: nobody gets an identity and then learns that its words had no
place to go.

Specification: docs/spec/identity.md, Recovery words.
"""

from __future__ import annotations

import os
from contextlib import suppress

from envoy.core.identity import Stored, recovery_words
from envoy.errors import ConflictError
from envoy.system import files


def words(stored: Stored) -> list[str]:
    """Return the 24 words that give back the identity: whoever has them is it."""
    return recovery_words(stored.identity.root)


def reserve(path: str) -> None:
    """Make the empty file ``path`` for the words. Raises ConflictError(already_exists)."""
    if not files.create(path):
        raise ConflictError("already_exists", path=path)


def save(path: str, stored: Stored) -> None:
    """Write the words into the reserved file ``path``, in one line."""
    files.replace(path, (" ".join(words(stored)) + "\n").encode("ascii"))


def give_up(path: str) -> None:
    """Remove the reserved file ``path``: there will be no words for it."""
    with suppress(OSError):  # somebody else did
        os.unlink(path)
