"""Chunks: is every chunk that lies on this machine what its name says?

A chunk is hashed by whoever reads it, and one without its hash is deleted and fetched again. But a
disk spoils what nobody reads, so a deep look hashes all of them, and mending deletes what is none:
then the copy at another machine is asked for while there still is one.

Specification: docs/spec/home.md, Looking deeply; docs/spec/object.md, Files.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator

from envoy import ids
from envoy.errors import EnvoyError
from envoy.storage.home import Paths
from envoy.system.chunkfiles import ChunkFiles
from envoy.wiring.depot import OBJECTS, at_hub

HELD_IN = ("profiles", "aside")  # what a profile has, and what one had before it was replaced


def spoilt(
    where: Paths, progress: Callable[[str, int], None]
) -> Iterator[tuple[ChunkFiles, bytes]]:
    """Yield every chunk of the profile and of the hub that is not what its name says."""
    done = 0
    for shelf in (ChunkFiles(os.path.join(where.profile, OBJECTS)), at_hub(where)):
        for ident in shelf.every():
            try:
                chunk = shelf.read(ident)
            except EnvoyError:
                chunk = None
            if chunk is None or ids.sha256(chunk).digest() != ident:
                yield shelf, ident
            done += 1
            progress("objects, chunks", done)


def shared(where: Paths) -> Counter[tuple[int, int]]:
    """Return how many names each chunk file has on this machine: replicas and hub share them.

    Keys are device and inode. A name that is not counted here lies elsewhere.
    """
    found = Counter[tuple[int, int]]()
    for directory, _, names in os.walk(where.home):
        for name in names if _holds_chunks(where, directory) else ():
            try:
                status = os.lstat(os.path.join(directory, name))
            except OSError:
                continue
            found[status.st_dev, status.st_ino] += 1
    return found


def _holds_chunks(where: Paths, directory: str) -> bool:
    """Say whether ``directory`` is one of those that chunks lie in, of profiles put aside too."""
    parts = os.path.relpath(directory, where.home).split(os.sep)
    return parts[:2] == ["hub", "chunks"] or (parts[0] in HELD_IN and parts[2:3] == [OBJECTS])
