"""A store of the package `keyring` that needs no desktop, in the place of that of the system."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keyring
from keyrings.alt.file import PlaintextKeyring

# A store of a real package, in a file; under its own name it is refused.
FileStore = type("FileStore", (PlaintextKeyring,), {})


@contextmanager
def in_place(path: Path) -> Iterator[PlaintextKeyring]:
    """Let the file ``path`` be the store of the system."""
    before = keyring.get_keyring()
    made = FileStore()
    made.file_path = str(path)
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)
