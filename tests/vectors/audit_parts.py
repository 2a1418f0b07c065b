"""The parts of an audit bundle for vectors, and the file that they make, without envoy.

Shapes: docs/spec/audit.md, File.
"""

from __future__ import annotations

from typing import NamedTuple

from oracle import chacha, events, messagepack
from oracle.events import Fields, Place
from oracle.scene import (
    ENTROPY,
    FIRST_EPOCH,
    FOUNDED_TS,
    FOUNDER,
    FOUNDER_SEED,
    GENESIS,
    OTHER,
    PLACE,
    SPACE,
    fixed,
)

MAGIC = b"ENVOYAUD"
HEADER, EPOCH, ORDER, SHOWN, STUB, RECEIPT, SEAL = range(1, 8)
HUB_SEED = fixed("hub seed")
AT = FOUNDED_TS + 1000


class Part(NamedTuple):
    """A part; ``check`` is another check than the right one."""

    sort: int
    payload: bytes
    check: bytes | None = None


class Made(NamedTuple):
    """An event: its envelope, its id, its fields."""

    envelope: bytes
    id: bytes
    fields: Fields
    place: Place = PLACE

    @property
    def opener(self) -> bytes:
        """Return the key that opens it alone."""
        salt = events.kdf(
            ENTROPY, "salt", events.inner(self.fields | {"salt": bytes(24)}), length=24
        )
        return chacha.hchacha(self.place.key, salt[:16])

    @property
    def shown(self) -> Part:
        """Return it as a part."""
        return Part(SHOWN, self.opener + self.envelope)

    def stub(self, **change: object) -> Part:
        """Return a part in its place that says where it stands."""
        names = ("kind", "author", "chain", "seq", "prev", "deps", "lam", "auth", "ts", "basis")
        fields = {name: self.fields[name] for name in names} | change
        return Part(STUB, messagepack.write(list(fields.values())))


def made(fields: Fields, seed: bytes = FOUNDER_SEED, place: Place = PLACE) -> Made:
    """Return an event of ``fields``."""
    envelope = events.author(place, seed, fields, ENTROPY)
    return Made(envelope, events.h("env", envelope), fields, place)


def said(text: str, prev: Made, **change: object) -> Made:
    """Return a message of the founder behind ``prev``."""
    before = prev.fields
    fields: Fields = {
        **GENESIS,
        "seq": int(str(before["seq"])) + 1,
        "prev": prev.id,
        "lam": int(str(before["lam"])) + 1,
        "ts": FOUNDED_TS + 1,
        "kind": "message",
        "body": messagepack.write([text, None, [], [], [], None]),
    }
    return made(fields | change)


FIRST = made(GENESIS)
ONE = said("The pilot is on board.", FIRST)
TWO = said("Cast off.", ONE)
ALL = [FIRST, ONE, TWO]
# What takes the last one back, and what is said under an epoch that no event makes.
UNSAID = said("", TWO, kind="message.redact", body=messagepack.write([TWO.id, ""]), basis=[TWO.id])
OTHER_EPOCH = events.epoch(SPACE, OTHER, bytes(16), fixed("another secret"), [])
ELSEWHERE = Place(SPACE, OTHER_EPOCH.id, OTHER_EPOCH.event_key)
APART = made(said("Under way.", TWO, epoch=OTHER_EPOCH.id).fields, place=ELSEWHERE)


def header(**change: object) -> Part:
    """Return a header."""
    fields: Fields = {
        "v": 1,
        "space": SPACE,
        "author": FOUNDER,
        "at": AT,
        "redact": [],
        "member": None,
        "task": None,
        "since": None,
    }
    return Part(HEADER, messagepack.write(list((fields | change).values())))


def epoch(**change: object) -> Part:
    """Return the epoch of the space."""
    fields: Fields = {
        "id": FIRST_EPOCH.id,
        "tag": FIRST_EPOCH.tag,
        "commitment": FIRST_EPOCH.commitment,
        "wrap": FIRST_EPOCH.wrap,
    }
    return Part(EPOCH, messagepack.write(list((fields | change).values())))


def two_epochs() -> list[Part]:
    """Return the epoch of the space, and one that no event makes, ascending."""
    every = [FIRST_EPOCH, OTHER_EPOCH]
    lines = [[one.id, one.tag, one.commitment, one.wrap] for one in every]
    return [Part(EPOCH, messagepack.write(line)) for line in sorted(lines)]


def order(*ids: bytes) -> Part:
    """Return an order."""
    return Part(ORDER, messagepack.write(list(ids)))


def receipt(seed: bytes = HUB_SEED, **change: object) -> Part:
    """Return a receipt of the hub that the genesis names, for a claim that is not here."""
    fields: Fields = {
        "label": "rcpt/1",
        "space": SPACE,
        "no": 0,
        "instance": fixed("instance", 16),
        "slot": fixed("slot"),
        "fence": 1,
        "event": fixed("claim event"),
        "holder": fixed("holder hash"),
        "at": AT,
        "until": AT + 900_000,
    }
    values = list((fields | change).values())
    values.append(events.sig(seed, "receipt", messagepack.write(values)))
    return Part(RECEIPT, messagepack.write(values))


def parts(*shown: Part, ids: list[bytes] | None = None, **change: object) -> list[Part]:
    """Return header, epoch, order and events; ``change`` are fields of the header."""
    body = list(shown) or [one.shown for one in ALL]
    return [header(**change), epoch(), order(*(ids or [one.id for one in ALL])), *body]


def fingerprint(*heads: Made) -> bytes:
    """Return the fingerprint of the space with these heads."""
    return events.h("space-fp", SPACE, messagepack.write(sorted(one.id for one in heads)))


def written(
    body: list[Part],
    *,
    seed: bytes = FOUNDER_SEED,
    counts: list[int] | None = None,
    heads: list[Made] | None = None,
    label: str = "audit-seal",
) -> bytes:
    """Return the file of some parts with its seal."""
    check, data = events.h("audit", MAGIC), MAGIC
    for part in body:
        head = bytes([part.sort]) + len(part.payload).to_bytes(4, "big")
        check = part.check or events.h("audit", check, head, part.payload)
        data += head + part.payload + check
    sorts = [part.sort for part in body]
    stubs, receipts = sorts.count(STUB), sorts.count(RECEIPT)
    told: list[object] = list(counts or [sorts.count(SHOWN) + stubs, stubs, receipts])
    told.append(fingerprint(*(heads or [TWO])))
    signature = events.sig(seed, label, check, messagepack.write(told))
    payload = messagepack.write([*told, signature])
    head = bytes([SEAL]) + len(payload).to_bytes(4, "big")
    return data + head + payload + events.h("audit", check, head, payload)
