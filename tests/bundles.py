"""Audit bundles for tests: exported from a copy, taken apart, changed and put together again.

The parts are read and written here by hand, so that a test can make what `envoy.core.bundle` would
never write. ``remade`` makes all checks anew, and the signature too: what a careful forger would do
who has the key of a member, or one of his own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from envoy.core import bundle, codec
from envoy.core.bundle import BundleFault, Header, Seal
from envoy.core.crypto import sign
from envoy.core.structs import replace
from envoy.errors import IntegrityError
from envoy.replica.actions import audit
from envoy.replica.actions.audit import Chosen
from envoy.replica.auditing import Examined
from envoy.storage.audit_views import AuditViews
from envoy.wiring import auditing
from envoy.wiring import config as configs
from envoy.wiring.config import Config
from replica.world import Actor

HEAD = 5
CHECK = 32


class Raw(NamedTuple):
    """A part as it stands in a file."""

    sort: int
    payload: bytes


def exported(actor: Actor, chosen: Chosen | None = None) -> bytes:
    """Return the bundle that a profile exports of its only space."""
    made, told = bytearray(), list[int]()
    views, events, sn = AuditViews(actor.connection), actor.events, actor.space.sn
    chosen = auditing.shown(views, actor.space, chosen or Chosen())
    audit.export(
        actor.copy,
        (events.at(rid) for rid in views.ordered(sn)),
        chosen,
        write=made.extend,
        tell=lambda _, done: told.append(done),
    )
    assert told, "somebody who waits is told"
    return bytes(made)


def split(data: bytes) -> list[Raw]:
    """Return the parts of a bundle."""
    found, at = list[Raw](), len(bundle.MAGIC)
    while at < len(data):
        size = int.from_bytes(data[at + 1 : at + HEAD])
        found.append(Raw(data[at], data[at + HEAD : at + HEAD + size]))
        at += HEAD + size + CHECK
    return found


def joined(parts: Sequence[Raw]) -> bytes:
    """Return the file of some parts, with checks that fit."""
    check, made = sign.tagged("audit", bundle.MAGIC), bundle.MAGIC
    for sort, payload in parts:
        head = bytes((sort,)) + len(payload).to_bytes(4)
        check = sign.tagged("audit", check, head, payload)
        made += head + payload + check
    return made


def remade(parts: Sequence[Raw], seed: bytes, **change: object) -> bytes:
    """Return the file of some parts, counted and sealed anew by whoever has ``seed``.

    ``change`` are fields of the seal.
    """
    body = list(parts[:-1])
    header = codec.decode(body[0].payload, Header)
    body[0] = Raw(bundle.HEADER, codec.encode(replace(header, author=sign.public_key(seed))))
    sorts = [one.sort for one in body]
    stubs, receipts = sorts.count(bundle.STUB), sorts.count(bundle.RECEIPT)
    seal = codec.decode(parts[-1].payload, Seal)
    events = sorts.count(bundle.SHOWN) + stubs
    seal = replace(seal, events=events, stubs=stubs, receipts=receipts)
    seal = replace(seal, **change)
    before = joined(body)
    told = codec.encode((seal.events, seal.stubs, seal.receipts, seal.fingerprint))
    signed = sign.sign(seed, "audit-seal", before[-CHECK:], told)
    made = codec.encode(replace(seal, sig=signed))
    return joined([*body, Raw(bundle.SEAL, made)])


def ordered(parts: Sequence[Raw], ids: Sequence[bytes]) -> list[Raw]:
    """Return the parts with another order, of one group."""
    return [
        Raw(one.sort, codec.encode(tuple(ids))) if one.sort == bundle.ORDER else one
        for one in parts
    ]


def ids_of(parts: Sequence[Raw]) -> list[bytes]:
    """Return the ids of the events of a bundle."""
    found = list[bytes]()
    for one in parts:
        if one.sort == bundle.ORDER:
            found += codec.decode(one.payload, tuple[bytes, ...])
    return found


def place_of(parts: Sequence[Raw], number: int) -> int:
    """Return where the event with a number, from 1, stands among the parts."""
    places = [at for at, one in enumerate(parts) if one.sort in (bundle.SHOWN, bundle.STUB)]
    return places[number - 1]


def reading(data: bytes) -> Callable[[int], bytes]:
    """Return what reads ``data`` as a file would be read."""
    at = 0

    def read(count: int) -> bytes:
        nonlocal at
        found = data[at : at + count]
        at += len(found)
        return found

    return read


def read_all(data: bytes) -> BundleFault | None:
    """Read a bundle without looking into its events; return what is wrong with it."""
    try:
        for _ in bundle.parts(reading(data)):
            pass
    except BundleFault as fault:
        return fault
    return None


def config(home: Path) -> Config:
    """Return the configuration of a home that does not exist."""
    found = configs.load({"profile": "nobody"}, read_toml=lambda _: {})
    return found._replace(home=os.fspath(home))


def verified(data: bytes, place: Path) -> Examined:
    """Verify a bundle as a file, with no home; raises as that does."""
    path = place / "bundle"
    path.write_bytes(data)
    with auditing.verified(config(place / "none"), os.fspath(path)) as seen:
        assert not (place / "none").exists()
        return seen.examined


def first_bad(data: bytes, place: Path) -> dict[str, object]:
    """Return what is told of the first bad part of a bundle."""
    try:
        verified(data, place)
    except IntegrityError as error:
        assert error.code == "audit_invalid"
        told = error.details["first_bad"]
        assert isinstance(told, dict)
        return told
    raise AssertionError("it verifies")
