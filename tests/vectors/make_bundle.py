"""Write tests/vectors/bundle.json: files that are bundles, and files that are none.

Made from docs/spec/bundle.md with ``oracle.messagepack``; nothing of envoy is used.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from oracle import messagepack, scene
from oracle.scene import fixed

TARGET = Path(__file__).with_name("bundle.json")
Vector = dict[str, object]
SPACE = scene.space_of(scene.B0)
G = scene.commitment(scene.B0)
EPOCH = fixed("epoch")
HEAD: list[object] = ["head", EPOCH, messagepack.write([1, fixed("t"), fixed("c"), None])]
BOX: list[object] = ["box", EPOCH, fixed("tag", 16), fixed("box", 40)]
ENVELOPE = messagepack.write([1, EPOCH, fixed("salt", 24), fixed("ct", 60)])
FRAME: list[object] = ["frame", ENVELOPE]
OTHER: list[object] = ["frame", messagepack.write([1, EPOCH, fixed("salt 2", 24), b"x"])]
HEADER: list[object] = [1, SPACE, G]


def sized(data: bytes) -> bytes:
    """Return ``data`` behind its length."""
    return len(data).to_bytes(4, "big") + data


def bundle(
    *records: list[object] | bytes,
    header: list[object] | bytes = HEADER,
    magic: bytes = b"ENVOYBDL",
    count: int | None = None,
    digest: bytes | None = None,
) -> bytes:
    """Return a file of these records; ``count`` and ``digest`` are those of the end if they lie."""
    raw = header if isinstance(header, bytes) else messagepack.write(header)
    data = magic + sized(raw)
    for one in records:
        data += sized(one if isinstance(one, bytes) else messagepack.write(one))
    end = ["end", len(records) if count is None else count]
    found = hashlib.sha256(data).digest() if digest is None else digest
    return data + sized(messagepack.write([*end, found]))


def good() -> list[Vector]:
    """Return bundles, with the records that are in them."""
    cases: list[tuple[str, list[list[object]]]] = [
        ("nothing but a header", []),
        ("a frame", [FRAME]),
        ("a head, a box and frames", [HEAD, BOX, FRAME, OTHER]),
        ("a head without a box", [HEAD, FRAME]),
    ]
    return [
        {
            "name": name,
            "input": bundle(*records).hex(),
            "expect": [messagepack.write(one).hex() for one in records],
        }
        for name, records in cases
    ]


def bad() -> list[Vector]:
    """Return files that break one rule."""
    whole = bundle(HEAD, BOX, FRAME)
    receipt_less = messagepack.write(["other", b"x"])
    long_head = messagepack.write(HEAD)
    altered = whole.replace(ENVELOPE, ENVELOPE[:-1] + bytes([ENVELOPE[-1] ^ 1]))
    cases: list[tuple[str, str, bytes]] = [
        ("nothing", "malformed", b""),
        ("another magic", "malformed", bundle(FRAME, magic=b"ENVOYEXP")),
        ("half a magic", "malformed", b"ENVOY"),
        ("version 2", "unsupported", bundle(FRAME, header=[2, SPACE, G])),
        ("a space of 31 bytes", "malformed", bundle(FRAME, header=[1, SPACE[:31], G])),
        ("a header of four", "malformed", bundle(FRAME, header=[1, SPACE, G, None])),
        ("a frame altered", "malformed", altered),
        ("no end", "malformed", whole[:-(4 + len(messagepack.write(["end", 3, bytes(32)])))]),
        ("cut in the middle of a record", "malformed", whole[:300]),
        ("the last byte is missing", "malformed", whole[:-1]),
        ("a byte behind the end", "malformed", whole + b"\0"),
        ("a length beyond the end", "malformed",
         b"ENVOYBDL" + sized(messagepack.write(HEADER)) + (1000).to_bytes(4, "big") + b"x"),
        ("a length over the bound", "too_large",
         b"ENVOYBDL" + sized(messagepack.write(HEADER)) + (2**31).to_bytes(4, "big")),
        ("one record too few", "malformed", bundle(FRAME, count=2)),
        ("one record too many", "malformed", bundle(FRAME, OTHER, count=1)),
        ("another hash", "malformed", bundle(FRAME, digest=bytes(32))),
        ("a box before its head", "malformed", bundle(BOX, HEAD)),
        ("a head behind a frame", "malformed", bundle(FRAME, HEAD)),
        ("a sort that nobody knows", "malformed", bundle(["chunk", b"x"])),
        ("a record that is a number", "malformed", bundle([1, b"x"])),
        ("a frame that is none", "malformed", bundle(["frame", receipt_less])),
        ("a head of 12 KiB and one byte", "malformed",
         bundle(["head", EPOCH, bytes(12 * 1024 + 1)])),
        ("an epoch of 31 bytes", "malformed", bundle(["head", EPOCH[:31], b"x"])),
        ("a record with a byte behind", "malformed", bundle(long_head + b"\0")),
        ("an empty record", "malformed", bundle(b"")),
    ]  # fmt: skip
    return [{"name": name, "input": given.hex(), "code": code} for name, code, given in cases]


def vectors() -> list[Vector]:
    """Return all vectors."""
    return good() + bad()


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", "utf-8")
