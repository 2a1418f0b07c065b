"""Write tests/vectors/envelope.json: padding, and envelopes that are opened or refused.

Made by ``oracle.events``, not by envoy. A refused envelope breaks one rule: where the break lies
inside, what is around it is sealed again. Shapes: docs/spec/event.md, section Vectors.
"""

from __future__ import annotations

import json
from pathlib import Path

from oracle import events, messagepack
from oracle.events import Place
from oracle.scene import ENTROPY, PLACE, SPACE, WRITER_SEED, fixed
from vectors.make_event import SALTED

TARGET = Path(__file__).with_name("envelope.json")
Vector = dict[str, object]

SALT = ENTROPY[:24]
RAW = events.inner(SALTED)
SIG = events.sig(WRITER_SEED, "event", RAW)
PLAIN = events.pack(SIG, RAW)
GOOD = events.seal(PLACE, SALT, PLAIN)
CT = GOOD[-events.padded(len(RAW) + 84) :]
EDGES = (1, 256, 257, 512, 513, 1024, 1025, 2048, 2049, 4096, 4097, 4352, 4353, 8191, 8192, 8193)
LARGE = (8704, 8705, 16384, 16385, 32768, 32769, 61_440, 61_441, 1_048_576, 1_048_577)


def opening(envelope: bytes, *, place: Place = PLACE) -> Vector:
    """Return the input of a vector that opens ``envelope``."""
    return {
        "op": "open",
        "space": place.space.hex(),
        "event_key": place.key.hex(),
        "hex": envelope.hex(),
    }


def shaped(**changes: object) -> bytes:
    """Return the good envelope with other elements."""
    return messagepack.write(
        list({"suite": 1, "epoch": PLACE.epoch, "salt": SALT, "ct": CT, **changes}.values())
    )


def flipped(data: bytes, at: int) -> bytes:
    """Return ``data`` with one bit of one byte turned over."""
    at %= len(data)
    return data[:at] + bytes((data[at] ^ 0x10,)) + data[at + 1 :]


def resealed(plaintext: bytes, *, label: str = "evt") -> bytes:
    """Return an envelope of ``plaintext``, whatever its length is."""
    ctx = b"\x01" + PLACE.space + PLACE.epoch + SALT
    return shaped(ct=events.aead(PLACE.key, SALT, label, ctx, plaintext))


def from_outside() -> list[tuple[str, str, bytes]]:
    """Return envelopes that are refused without a key."""
    head, epoch = GOOD[:2], GOOD[2:36]
    return [
        ("no bytes", "malformed", b""),
        ("3 elements", "malformed", messagepack.write([1, PLACE.epoch, SALT])),
        ("5 elements", "malformed", shaped(more=None)),
        ("suite 0", "unknown_suite", shaped(suite=0)),
        ("suite 2", "unknown_suite", shaped(suite=2)),
        ("suite 2 with elements of its own", "unknown_suite", messagepack.write([2, "else"])),
        ("suite as a str", "malformed", shaped(suite="1")),
        ("the frame of a receipt", "malformed", messagepack.write(["rcpt/1", SPACE, 0])),
        ("epoch of 31 bytes", "malformed", shaped(epoch=PLACE.epoch[:31])),
        ("salt of 23 bytes", "malformed", shaped(salt=SALT[:23])),
        ("salt of 25 bytes", "malformed", shaped(salt=SALT + b"\0")),
        ("ct as a str", "malformed", shaped(ct="ct")),
        ("no ct", "malformed", shaped(ct=b"")),
        ("ct of 15 bytes", "malformed", shaped(ct=bytes(15))),
        ("a trailing byte", "malformed", GOOD + b"\xc0"),
        ("cut short", "malformed", GOOD[:-1]),
        ("a long head of the array", "non_canonical", b"\xdc\x00\x04" + GOOD[1:]),
        ("a long suite", "non_canonical", b"\x94\xcc\x01" + GOOD[2:]),
        ("a long head of the epoch", "non_canonical", head + b"\xc5\x00\x20" + GOOD[4:]),
        ("a long head of the salt", "non_canonical", head + epoch + b"\xc5\x00\x18" + GOOD[38:]),
    ]


def with_the_key() -> list[tuple[str, str, bytes]]:
    """Return envelopes that are refused while they are opened."""
    end = 68 + len(RAW)
    wider = PLAIN + bytes(events.padded(len(PLAIN) + 17) - 16 - len(PLAIN))
    return [
        ("a bit of ct", "cannot_open", shaped(ct=flipped(CT, 0))),
        ("a bit of the tag", "cannot_open", shaped(ct=flipped(CT, -1))),
        ("another epoch", "cannot_open", shaped(epoch=fixed("another epoch"))),
        ("another salt", "cannot_open", shaped(salt=flipped(SALT, 5))),
        ("another label", "cannot_open", resealed(PLAIN, label="hist")),
        ("ct of no bucket", "malformed", resealed(PLAIN + bytes(4))),
        ("a bucket too big", "non_canonical", resealed(wider)),
        ("a bit at the start of the padding", "non_canonical", resealed(flipped(PLAIN, end))),
        ("a bit at the end of the padding", "non_canonical", resealed(flipped(PLAIN, -1))),
        (
            "a length beyond the end",
            "malformed",
            resealed(SIG + (len(PLAIN) - 67).to_bytes(4, "big") + PLAIN[68:]),
        ),
        ("a length of 2**32 - 1", "malformed", resealed(SIG + b"\xff" * 4 + PLAIN[68:])),
        # One byte less is another inner part; its own padding is right, its codec is not.
        (
            "a length that cuts the inner part",
            "malformed",
            resealed(
                SIG + (len(RAW) - 1).to_bytes(4, "big") + RAW[:-1] + bytes(len(PLAIN) - end + 1)
            ),
        ),
    ]


def too_large() -> list[Vector]:
    """Return envelopes over a bound; their ct is no ciphertext, which nobody gets to see."""
    head = messagepack.write([1, PLACE.epoch, SALT, b""])[:-2]
    rows: list[Vector] = []
    for name, head_of_ct, size in (
        ("an envelope of 65,537 bytes", b"\xc5" + (65_537 - 65).to_bytes(2, "big"), 65_537 - 65),
        ("a ct of 63,488 bytes, which is a bucket", b"\xc5\xf8\x00", 63_488),
    ):
        whole = (head + head_of_ct).hex()
        given = opening(b"") | {"hex": whole, "repeat": {"hex": "00", "times": size}}
        rows.append({"name": name, "input": given, "code": "too_large"})
    return rows


def vectors() -> list[Vector]:
    """Return all vectors."""
    found: list[Vector] = [
        {
            "name": f"P({length})",
            "input": {"op": "bucket", "length": length},
            "expect": events.padded(length),
        }
        for length in EDGES + LARGE
    ]
    found.append(
        {
            "name": "a good envelope",
            "input": opening(GOOD),
            "expect": {"id": events.h("env", GOOD).hex(), "inner": RAW.hex(), "sig": SIG.hex()},
        }
    )
    found += [
        {"name": name, "input": opening(envelope), "code": code}
        for name, code, envelope in from_outside() + with_the_key()
    ]
    for name, place in (
        ("the key of another epoch", PLACE._replace(key=fixed("another key"))),
        ("opened for another space", PLACE._replace(space=fixed("another space"))),
    ):
        found.append({"name": name, "input": opening(GOOD, place=place), "code": "cannot_open"})
    return found + too_large()


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
