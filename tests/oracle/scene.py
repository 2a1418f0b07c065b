"""The space that the vectors of events, chains, envelopes, epochs and invites play in.

All randomness is a hash of its name, so that every run of a generator gives the same bytes. Made
with ``oracle.events`` alone.
"""

from __future__ import annotations

import hashlib

from oracle import events, messagepack
from oracle.events import Fields, Place


def fixed(name: str, size: int = 32) -> bytes:
    """Return the ``size`` bytes, at most 32, that stand for ``name`` in every vector."""
    return hashlib.sha256(b"envoy vectors: " + name.encode()).digest()[:size]


FOUNDER_SEED, WRITER_SEED, OTHER_SEED = (fixed(f"{one} seed") for one in ("founder", "writer", "x"))
FOUNDER, WRITER, OTHER = (events.public(s) for s in (FOUNDER_SEED, WRITER_SEED, OTHER_SEED))
ROOT_PUB, HUB = events.public(fixed("space root seed")), events.public(fixed("hub seed"))
ENTROPY = fixed("entropy")
FOUNDER_CHAIN, FOUNDED_TS = fixed("founder chain", 16), 1_700_000_000_000

B0: Fields = {
    "founder": FOUNDER,
    "root_pub": ROOT_PUB,
    "suite": 1,
    "rules": 1,
    "name": "Harbor",
    "expires": None,
    "policy": [["gate.reviews", 1], ["open", True]],
    "hub": HUB,
    "nonce": fixed("genesis nonce", 16),
    "salt": fixed("slot salt"),
}


def commitment(b0: Fields) -> bytes:
    """Return G of a first body."""
    body = messagepack.write(list(b0.values()))
    return messagepack.write([b0["suite"], b0["root_pub"], events.h("genesis-body", body)])


def space_of(b0: Fields) -> bytes:
    """Return the space id of a first body."""
    return events.h("genesis", commitment(b0))


def genesis_fields(space: bytes, epoch: bytes, b0: Fields) -> Fields:
    """Return the inner fields of the founder's first event; ``author_event`` puts the salt in."""
    return {
        "v": 1,
        "space": space,
        "epoch": epoch,
        "salt": b"",
        "author": FOUNDER,
        "chain": FOUNDER_CHAIN,
        "seq": 0,
        "prev": None,
        "deps": [],
        "lam": 0,
        "auth": space,
        "ts": FOUNDED_TS,
        "kind": "genesis",
        "basis": [],
        "body": messagepack.write(list(b0.values())),
    }


SPACE = space_of(B0)
SECRET = fixed("first epoch secret")
FIRST_EPOCH = events.epoch(SPACE, FOUNDER, fixed("genesis nonce", 16), SECRET, [])
PLACE = Place(SPACE, FIRST_EPOCH.id, FIRST_EPOCH.event_key)
GENESIS = genesis_fields(SPACE, FIRST_EPOCH.id, B0)
MESSAGE = messagepack.write(["The pilot is on board.", None, [], [], [], None])


def shown(value: object) -> object:
    """Return ``value`` as vectors write it: bytes as hex, at any depth."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    return value
