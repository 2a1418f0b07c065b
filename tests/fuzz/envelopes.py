"""Envelopes: outsides that are nearly sound, and sound ones with odd plaintexts inside.

Behind the AEAD nothing of an attacker is left but what a member does on purpose, so most inputs are
sealed with the right key: an inner with one odd place, signed or not, or a plaintext with one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

from envoy.core import envelope
from envoy.core.crypto.aead import encrypt
from envoy.core.crypto.sign import sign
from envoy.core.event import Links, check_own_links, parse_inner, sign_inner
from envoy.core.kinds import KINDS, read_body
from envoy.core.structs import Body
from envoy.errors import RemoteFault
from fuzz.kit import Target, hold
from fuzz.mutate import Tree, near
from oracle import events, messagepack, scene
from vectorfile import load

CODES: Final = frozenset(
    {
        *("malformed", "non_canonical", "too_large", "unknown_suite", "cannot_open"),
        *("unsupported", "wrong_space", "bad_key", "bad_signature"),
    }
)
WRITER: Final = envelope.Writer(*scene.PLACE, scene.WRITER_SEED)
LINKS: Final = Links(
    chain=scene.fixed("chain", 16),
    seq=4,
    prev=scene.fixed("prev"),
    deps=tuple(sorted(map(scene.fixed, "abc"))),
    lam=9,
    auth=scene.SPACE,
    ts=scene.FOUNDED_TS,
    basis=(scene.fixed("basis"),),
)
SEED_BYTES_MAX: Final = 3000
LOT: Final = 48


class Envelopes(Target[bytes]):
    """``open_envelope``, then links and body. What opens is sealed again to the same bytes."""

    name = "envelope"

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.seeds = list(seeds())
        self.count = 0

    def draw(self, dice: Random) -> Iterator[bytes]:
        """Yield what is near one envelope, outside and inside."""
        sound, inner, outside, inside = dice.choice(self.seeds)
        others = [dice.choice(self.seeds)[0]]
        yield from near(sound, dice, LOT // 4, others)
        yield from outside.near(dice, LOT // 8)
        for odd in inside.near(dice, LOT // 2):
            yield sealed(signed(odd, dice), dice)
        plain = signed(inner, dice)
        for odd in near(plain, dice, LOT // 8):
            yield sealed(odd, dice)

    def accepts(self, given: bytes) -> bool:
        """Open, and look at all that is read of an event at the door."""
        self.count += 1
        try:
            event = envelope.open_envelope(given, scene.SPACE, scene.PLACE.key)
        except RemoteFault as fault:
            self.codes[fault.code] += 1
            hold(fault.code in CODES, f"another code: {fault.code}")
            return False
        opened = envelope.open_outer(given, scene.SPACE, scene.PLACE.key)
        again = envelope.seal(WRITER, salt=event.salt, sig=opened.sig, inner=opened.inner)
        hold(again == given, "it is sealed to another envelope")
        if not self.count & 15:
            slow = events.seal(scene.PLACE, event.salt, events.pack(opened.sig, opened.inner))
            hold(slow == given, "a second sealer makes another envelope")
        try:
            check_own_links(event)
        except RemoteFault as fault:
            hold(fault.code == "bad_link", f"another code: {fault.code}")
        if event.kind in KINDS:
            body = read_body(event.kind, event.body)
            hold(body is None or isinstance(body, Body), "a body is a Body")
        return True

    def told(self, given: bytes) -> object:
        """Return the bytes as hex."""
        return given.hex()

    def read(self, kept: Any) -> bytes:
        """Return the bytes."""
        return bytes.fromhex(kept)


def seeds() -> Iterator[tuple[bytes, bytes, Tree, Tree]]:
    """Yield a sound envelope per kind, its inner, and both as trees."""
    done = set[str]()
    for vector in load("kinds"):
        kind, raw = vector["input"].get("kind", ""), vector["input"]["body"]
        if "expect" not in vector or kind in done or len(raw) > 2 * SEED_BYTES_MAX:
            continue
        done.add(kind)
        body = bytes.fromhex(raw)
        made, _ = envelope.author_event(
            WRITER, links=LINKS, kind=kind, body=body, entropy=scene.fixed(kind)
        )
        inner = envelope.open_outer(made, scene.SPACE, scene.PLACE.key).inner
        yield made, inner, Tree(made), Tree(inner)


def signed(inner: bytes, dice: Random) -> bytes:
    """Return a plaintext of ``inner``, signed by its author, by another, or by nobody."""
    match dice.getrandbits(4):
        case 0:
            sig = bytes(64)
        case 1:
            sig = sign(scene.OTHER_SEED, "event", inner)
        case _:
            sig = sign_inner(scene.WRITER_SEED, inner)
    return events.pack(sig, inner)


def sealed(plain: bytes, dice: Random) -> bytes:
    """Return an envelope of a plaintext, with the salt that it says, or seldom another one."""
    salt = scene.fixed("salt", 24)
    try:
        size = int.from_bytes(plain[64:68])
        salt = parse_inner(plain[68 : 68 + size]).salt
    except RemoteFault:
        pass
    if not dice.getrandbits(6):
        salt = dice.randbytes(24)
    place = envelope._place(scene.SPACE, scene.PLACE.epoch, salt)
    ct = encrypt(scene.PLACE.key, salt, "evt", place, plain)
    return messagepack.write([1, scene.PLACE.epoch, salt, ct])
