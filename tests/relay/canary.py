"""Canary: words that nobody else could have written, and a search for them in all that a relay has.

A `Planted` word begins with a mark drawn anew each time, so that neither the program nor the
machine holds it by chance. What is searched is raw bytes: files, what a socket carried, the memory
of a live process. A word is found as it is, in UTF-16, hex, base64 and base32, wherever in the
groups of these it begins.
"""

from __future__ import annotations

import base64
import random
import re
import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

LETTERS: Final = 12
# Roles as the codec writes them; what a relay may know is one letter of r, w, a.
ROLES: Final = {f"role {role}": bytes([0xA0 + len(role)]) + role.encode()
                for role in ("read", "write", "admin", "owner")}  # fmt: skip
# How bytes are written as text, and how many bytes make how many signs.
_CODES: Final = (
    (base64.b64encode, 3, 4),
    (base64.urlsafe_b64encode, 3, 4),
    (base64.b32encode, 5, 8),
)
_PIECE: Final = 1024 * 1024


def mark() -> str:
    """Return letters that mean nothing, drawn by lot."""
    return "".join(random.SystemRandom().choices(string.ascii_lowercase, k=LETTERS))


def forms(word: bytes) -> set[bytes]:
    """Return how ``word`` may stand in bytes: as it is, and in what is usual to write bytes as."""
    found = {word, word.hex().encode(), word.hex().upper().encode()}
    for encode, group, signs in _CODES:
        for shift in range(group):
            # Only the signs that hang on nothing that stands before or behind the word.
            first, last = -(-shift * signs // group), (shift + len(word)) * signs // group
            found.add(encode(bytes(shift) + word)[first:last])
    return found | {one.lower() for one in found if one.isupper()}


def patterns(words: Mapping[str, bytes]) -> dict[str, set[bytes]]:
    """Return what to look for, by what was planted."""
    found = {name: forms(word) for name, word in words.items()}
    for name, word in words.items():
        if word.isascii():
            found[name].add(word.decode().encode("utf-16-le"))
    return found


def found_in(data: bytes | bytearray, wanted: Mapping[str, set[bytes]]) -> set[str]:
    """Return the names of what stands in ``data``."""
    return {name for name, some in wanted.items() if any(one in data for one in some)}


def in_files(directory: Path, wanted: Mapping[str, set[bytes]]) -> dict[str, set[str]]:
    """Return what stands in the files below ``directory``, or in their names, by file."""
    found = dict[str, set[str]]()
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        data = name.encode() + (path.read_bytes() if path.is_file() else b"")
        if hits := found_in(data, wanted):
            found[name] = hits
    return found


def in_memory(pid: int, wanted: Mapping[str, set[bytes]]) -> set[str]:
    """Return what stands in the memory of a process that runs."""
    found, longest = set[str](), max(len(one) for some in wanted.values() for one in some)
    tail = b""
    for piece in memory(pid):
        if piece.count(0) == len(piece):  # nobody ever wrote there
            tail = b""
            continue
        found |= found_in(tail + piece, wanted)
        tail = piece[-longest:]
    return found


def memory(pid: int) -> Iterator[bytes]:
    """Yield the memory of a process, piece by piece, all of it that can be written."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as mem:
        for line in maps.splitlines():
            place = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if place is None or "[v" in line:
                continue
            at, end = (int(one, 16) for one in place.groups())
            mem.seek(at)
            while at < end and (piece := mem.read(min(_PIECE, end - at))):
                at += len(piece)
                yield piece
