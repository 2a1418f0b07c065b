"""Pages: which pages of which databases a command reads.

What a command shows and does follows from what it reads. One that does not read a page shows the
same whatever is in that page, so it need not be run again for each byte there.

SQLite's reads are seen by a VFS of our own. A database that Python opens by itself counts as read
from end to end, but for the one place that takes no more than its first bytes (`files.glance`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import apsw

from envoy.system import files

DATABASE: Final = ".db"
PAGE_BYTES: Final = 4096
ALL: Final = -1  # as a page: all pages
Pages = dict[str, set[int]]  # by the path of a database

_SEEN: Final = list[Pages]()  # what is noted at present: one, or nothing


class _File(apsw.VFSFile):
    """A file that notes what is read from it."""

    def __init__(self, base: str, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__(base, name, flags)
        self._name = name.filename() if isinstance(name, apsw.URIFilename) else name or ""

    def xRead(self, amount: int, offset: int) -> bytes:
        """Read, and note the pages."""
        last = (offset + amount - 1) // PAGE_BYTES
        for page in range(offset // PAGE_BYTES, last + 1):
            _note(self._name, page)
        return super().xRead(amount, offset)


class _Files(apsw.VFS):
    """The files below every database that is opened while this one is there."""

    def __init__(self) -> None:
        self._base = apsw.vfs_names()[0]
        super().__init__("noting", self._base, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> _File:
        """Open a file that notes what is read from it."""
        return _File(self._base, name, flags)


@contextmanager
def noted() -> Iterator[Pages]:
    """Note in what it gives which pages are read meanwhile. For a child: a hook stays."""
    found, watching = Pages(), _Files()
    sys.addaudithook(_hear)
    _SEEN.append(found)
    try:
        yield found
    finally:
        _SEEN.remove(found)
        watching.unregister()


def read_by(work: Callable[[], object]) -> Pages:
    """Return which pages ``work`` reads."""
    with noted() as found:
        work()
    return found


def is_read(found: Pages, path: str, page: int) -> bool:
    """Say whether a page is among those that were read; of another file, that it may be."""
    if not path.endswith(DATABASE):
        return True
    pages = found.get(path, set())
    return page in pages or ALL in pages


def _note(path: str, page: int) -> None:
    for found in _SEEN:
        found.setdefault(path, set()).add(page)


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    """Hear of the files that Python opens by itself."""
    if _SEEN and event == "open" and isinstance(arguments[0], str):
        path = os.path.realpath(arguments[0])
        if path.endswith(DATABASE):
            looks = sys._getframe(1).f_code is files.glance.__code__
            _note(path, 0 if looks else ALL)
