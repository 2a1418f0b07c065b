"""Write tests/vectors/object.json: objects at the edges of a chunk, and one thing wrong in each.

AES-GCM comes from OpenSSL by another way than the product takes, ids from the oracle. A plaintext
is told by its size alone; ``made`` and ``said`` name the one thing that is not as it should be, so
that a megabyte of chunks need not stand in the file: who reads it seals them with ``sealed`` here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from oracle.events import h, padded, prefix
from oracle.scene import fixed
from vectors import make_archive

TARGET = Path(__file__).with_name("object.json")
PIECE = 1_048_560
SPACE, OTHER_SPACE = fixed("a space"), fixed("another space")
KEY, OTHER_KEY = fixed("an object key"), fixed("another object key")
Given = dict[str, object]


def plaintext(size: int) -> bytes:
    """Return bytes that differ from each of their neighbours."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def pieces(size: int) -> list[bytes]:
    """Return the plaintext in pieces, the last one not padded yet."""
    data = plaintext(size)
    return [data[at : at + PIECE] for at in range(0, size or 1, PIECE)]


def sealed(size: int, made: str = "") -> list[bytes]:
    """Return the chunks of an object; ``made`` is what is done to them otherwise than it should."""
    key = OTHER_KEY if made == "of another object" else KEY
    aad = prefix("obj") + (OTHER_SPACE if made == "of another space" else SPACE)
    found, every = [], pieces(size)
    for number, piece in enumerate(every):
        last = number == len(every) - 1
        flag = last
        if made == "last flag early" and number == 0:
            flag = True
        if made == "last flag absent" and last:
            flag = False
        whole = piece
        if last:
            size_of = 2 if made == "padding of a larger size" else 1
            room = padded(len(piece) + 16) * size_of - 16
            fill = b"\1" if made == "padding that is not zero" else b"\0"
            whole = piece.ljust(room, fill)
        found.append(make_archive.sealed(key, number, aad, whole, last=flag))
    if made == "swapped":
        found[0], found[1] = found[1], found[0]
    return found


def ids(chunks: Sequence[bytes]) -> list[bytes]:
    """Return the ids of chunks."""
    return [hashlib.sha256(chunk).digest() for chunk in chunks]


def seal(size: int) -> Given:
    """Return what sealing an object of ``size`` bytes gives."""
    found = ids(sealed(size))
    return {
        "object": h("object", SPACE, *found).hex(),
        "sha256": hashlib.sha256(plaintext(size)).hexdigest(),
        "chunks": [one.hex() for one in found],
    }


def asked(op: str, size: int, **more: str) -> Given:
    """Return an input."""
    return {"op": op, "space": SPACE.hex(), "key": KEY.hex(), "size": size, **more}


SIZES = (0, 1, PIECE, PIECE + 1)
# What is wrong, on which side, with an object of what size, and what comes of it.
WRONG = (
    ("made", "swapped", 2 * PIECE, "chunk"),
    ("made", "of another object", 1, "chunk"),
    ("made", "of another space", 1, "chunk"),
    ("made", "last flag early", PIECE + 1, "chunk"),
    ("made", "last flag absent", PIECE, "chunk"),
    ("made", "padding that is not zero", 1, "padding"),
    ("made", "padding of a larger size", 1, "padding"),
    ("said", "a byte more", 1, "sha256"),
    ("said", "another sha256", 1, "sha256"),
    ("said", "another object id", 1, "object"),
    ("said", "a chunk that is nowhere", PIECE + 1, "object_incomplete"),
)


def vectors() -> list[Given]:
    """Return all vectors."""
    found: list[Given] = []
    for size in SIZES:
        found.append({"name": f"seal {size}", "input": asked("seal", size), "expect": seal(size)})
        found.append({"name": f"open {size}", "input": asked("open", size), "expect": True})
    found += [
        {"name": f"{side}: {what}", "input": asked("open", size, **{side: what}), "code": code}
        for side, what, size, code in WRONG
    ]
    return found


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
