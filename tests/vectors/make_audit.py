"""Write tests/vectors/audit.json: openers, and whole audit bundles, good and bad.

Made by ``oracle``, not by envoy: events, epochs, receipts, ChaCha20 and the parts themselves. A bad
bundle breaks one rule; checks and signature behind it are made anew, unless they are what is wrong.
Shapes: docs/spec/audit.md, section Vectors.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from oracle import chacha, events, messagepack
from oracle.events import Fields
from oracle.scene import (
    ENTROPY,
    FIRST_EPOCH,
    FOUNDED_TS,
    FOUNDER,
    FOUNDER_SEED,
    GENESIS,
    OTHER,
    OTHER_SEED,
    PLACE,
    SPACE,
    fixed,
)

TARGET = Path(__file__).with_name("audit.json")
Vector = dict[str, object]
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

    @property
    def opener(self) -> bytes:
        """Return the key that opens it alone."""
        salt = events.kdf(
            ENTROPY, "salt", events.inner(self.fields | {"salt": bytes(24)}), length=24
        )
        return chacha.hchacha(PLACE.key, salt[:16])

    @property
    def shown(self) -> Part:
        """Return it as a part."""
        return Part(SHOWN, self.opener + self.envelope)

    def stub(self, **change: object) -> Part:
        """Return a part in its place that says where it stands."""
        names = ("kind", "author", "chain", "seq", "prev", "deps", "lam", "auth", "ts", "basis")
        fields = {name: self.fields[name] for name in names} | change
        return Part(STUB, messagepack.write(list(fields.values())))


def made(fields: Fields, seed: bytes = FOUNDER_SEED) -> Made:
    """Return an event of ``fields``."""
    envelope = events.author(PLACE, seed, fields, ENTROPY)
    return Made(envelope, events.h("env", envelope), fields)


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


def parts(*shown: Part, ids: list[bytes] | None = None) -> list[Part]:
    """Return header, epoch, order and events."""
    body = list(shown) or [one.shown for one in ALL]
    return [header(), epoch(), order(*(ids or [one.id for one in ALL])), *body]


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


# -- good --------------------------------------------------------------------------------------


def counted(events_: int, stubs: int, pinned: int, receipts: int, *heads: Made) -> Vector:
    """Return what a good bundle comes to."""
    return {
        "events": events_,
        "stubs": stubs,
        "pinned": pinned,
        "receipts": receipts,
        "fingerprint": fingerprint(*(heads or [TWO])).hex(),
    }


def good() -> list[Vector]:
    """Return bundles that verify."""
    hidden = [FIRST.shown, ONE.stub(), TWO.shown]
    last = [FIRST.shown, ONE.shown, TWO.stub()]
    cases = [
        ("all shown, with a receipt", written([*parts(), receipt()]), counted(3, 0, 0, 1)),
        ("without a receipt", written(parts()), counted(3, 0, 0, 0)),
        ("a stub that a shown event names", written(parts(*hidden)), counted(3, 1, 1, 0)),
        ("a stub that nobody names", written(parts(*last)), counted(3, 1, 0, 0)),
        (
            "the genesis alone",
            written(parts(FIRST.shown, ids=[FIRST.id]), heads=[FIRST]),
            counted(1, 0, 0, 0, FIRST),
        ),
    ]
    return [
        {"name": name, "input": {"op": "verify", "hex": data.hex()}, "expect": expect}
        for name, data, expect in cases
    ]


def openers() -> list[Vector]:
    """Return keys of single nonces, the first of them that of draft-irtf-cfrg-xchacha, 2.2.1."""
    key = bytes(range(32))
    drafted = bytes.fromhex("000000090000004a0000000031415927") + bytes(8)
    cases = [("the draft's", key, drafted), ("an event's", PLACE.key, fixed("a nonce", 24))]
    return [
        {
            "name": f"once: {name}",
            "input": {
                "op": "once",
                "key": key_.hex(),
                "nonce": nonce.hex(),
                "context": b"context".hex(),
                "ciphertext": events.aead(key_, nonce, "evt", b"context", b"Cast off.").hex(),
            },
            "expect": {
                "opener": chacha.hchacha(key_, nonce[:16]).hex(),
                "plaintext": b"Cast off.".hex(),
            },
        }
        for name, key_, nonce in cases
    ]


# -- bad ---------------------------------------------------------------------------------------


class Bad(NamedTuple):
    """A bundle that is refused: its name and file, why, in which part, at which event."""

    name: str
    data: bytes
    reason: str
    part: str
    number: int | None = None
    event: bytes | None = None


def flipped(data: bytes, at: int) -> bytes:
    """Return ``data`` with one bit changed."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def longer(part: Part, at: int, size: int) -> bytes:
    """Return a file in which one part states another length."""
    data = written(parts())
    place = data.index(part.payload) - 4
    assert data[place - 1] == part.sort and at == 0
    return data[:place] + size.to_bytes(4, "big") + data[place + 4 :]


def in_file() -> list[Bad]:
    """Return what fails before anything is decoded."""
    data, two = written(parts()), (3, TWO.id)
    order_ = order(*(one.id for one in ALL))
    return [
        Bad("another magic", b"X" + data[1:], "not_a_bundle", "file"),
        Bad("nothing", b"", "not_a_bundle", "file"),
        Bad("the end is missing", data[:-1], "truncated", "seal"),
        Bad("something behind the end", data + b"\0", "trailing", "file"),
        Bad("no epoch", written([header(), *parts()[2:]]), "misplaced", "epoch"),
        Bad("two headers", written([header(), *parts()]), "misplaced", "epoch"),
        Bad("a sort that is none", written([*parts(), Part(9, b"")]), "misplaced", "order"),
        Bad("an event without an order", written([*parts(), TWO.shown]), "misplaced", "order"),
        Bad("a receipt between events", written(
            [*parts(FIRST.shown, receipt(), ONE.shown, TWO.shown)]
        ), "misplaced", "event", 2, ONE.id),
        Bad("a huge order", longer(order_, 0, 2**32 - 1), "too_large", "order"),
        Bad("a huge event", longer(TWO.shown, 0, 65_569), "too_large", "event", *two),
        Bad("a byte of an event", flipped(data, data.index(TWO.envelope) + 99), "changed",
            "event", *two),
        Bad("a check", written([header(), epoch()._replace(check=bytes(32)), *parts()[2:]]),
            "changed", "epoch"),
    ]  # fmt: skip


def in_parts() -> list[Bad]:
    """Return what fails as a part of its own."""
    epochs = parts()[2:]
    return [
        Bad("a header with a field more", written(
            [Part(HEADER, b"\x99" + header().payload[1:] + b"\xc0"), *parts()[1:]]
        ), "malformed", "header"),
        Bad("a header in a long form", written(
            [Part(HEADER, b"\xdc\x00\x08" + header().payload[1:]), *parts()[1:]]
        ), "non_canonical", "header"),
        Bad("a sort that cannot be withheld", written([header(redact=["grants"]), *parts()[1:]]),
            "malformed", "header"),
        Bad("sorts out of order", written(
            [header(redact=["objects", "bodies"]), *parts()[1:]]
        ), "malformed", "header"),
        Bad("an author that is no key", written([header(author=bytes(32)), *parts()[1:]]),
            "malformed", "header"),
        Bad("another commitment", written([header(), epoch(commitment=bytes(32)), *epochs]),
            "wrong_epoch", "epoch"),
        Bad("an epoch twice", written([header(), epoch(), epoch(), *epochs]),
            "misplaced", "epoch"),
        Bad("an empty order", written([header(), epoch(), order(), *parts()[3:]]),
            "malformed", "order"),
        Bad("an order of what is no id", written([header(), epoch(), order(bytes(31)),
            *parts()[3:]]), "malformed", "order"),
        Bad("a short group that is not the last", written(
            [header(), epoch(), order(FIRST.id), FIRST.shown, order(ONE.id), ONE.shown],
            heads=[ONE],
        ), "malformed", "order"),
    ]  # fmt: skip


def in_events() -> list[Bad]:
    """Return what fails as an event, its checks made anew."""
    one, two = (2, ONE.id), (3, TWO.id)
    forged = made(TWO.fields, OTHER_SEED)
    late = said("Cast off.", ONE, lam=7)
    grant = said("x", ONE, kind="grant", body=b"\xc0")
    seen = [FIRST, ONE]
    return [
        Bad("another id", written(parts(ids=[FIRST.id, ONE.id, bytes(32)])), "wrong_id", "event",
            3, bytes(32)),
        Bad("another opener", written(
            parts(FIRST.shown, ONE.shown, Part(SHOWN, ONE.opener + TWO.envelope))
        ), "cannot_open", "event", *two),
        Bad("shorter than an opener", written(
            parts(FIRST.shown, ONE.shown, Part(SHOWN, bytes(31)))
        ), "malformed", "event", *two),
        Bad("signed by another", written(
            parts(*(x.shown for x in (*seen, forged)), ids=[*(x.id for x in seen), forged.id])
        ), "bad_signature", "event", 3, forged.id),
        Bad("an epoch that the file does not know", written(
            [header(), epoch(**other_epoch()), *parts()[2:]]
        ), "unknown_epoch", "event", 1, FIRST.id),
        Bad("a lam that its parents do not give", written(
            parts(*(x.shown for x in (*seen, late)), ids=[*(x.id for x in seen), late.id]),
            heads=[late],
        ), "bad_link", "event", 3, late.id),
        Bad("an event left out", written(parts(FIRST.shown, TWO.shown, ids=[FIRST.id, TWO.id])),
            "gap", "event", 2, TWO.id),
        Bad("no genesis", written(parts(ONE.shown, TWO.shown, ids=[ONE.id, TWO.id])),
            "gap", "event", 1, ONE.id),
        Bad("an event twice", written(
            parts(FIRST.shown, ONE.shown, ONE.shown, ids=[FIRST.id, ONE.id, ONE.id]), heads=[ONE]
        ), "misplaced", "event", 3, ONE.id),
        Bad("a stub with another number", written(parts(FIRST.shown, ONE.stub(seq=2), TWO.shown)),
            "bad_link", "event", *one),
        Bad("a stub of what decides authority", written(
            parts(FIRST.shown, ONE.shown, grant.stub(), ids=[FIRST.id, ONE.id, grant.id]),
            heads=[grant],
        ), "hidden_authority", "event", 3, grant.id),
        Bad("a stub of no kind", written(parts(FIRST.shown, ONE.stub(kind="9"), TWO.shown)),
            "malformed", "event", *one),
        Bad("a stub by no key", written(
            parts(FIRST.shown, ONE.stub(author=bytes(32)), TWO.shown)
        ), "malformed", "event", *one),
        Bad("a genesis of another space", written(
            [header(space=fixed("space")), epoch(**other_epoch(fixed("space"))), *parts()[2:]]
        ), "unknown_epoch", "event", 1, FIRST.id),
    ]  # fmt: skip


def other_epoch(space: bytes = SPACE) -> Fields:
    """Return the fields of an epoch that no event is sealed under."""
    made_ = events.epoch(space, OTHER, bytes(16), fixed("another secret"), [])
    return {
        "id": made_.id,
        "tag": made_.tag,
        "commitment": made_.commitment,
        "wrap": made_.wrap,
    }


def at_the_end() -> list[Bad]:
    """Return what fails behind the events."""
    pair = sorted([receipt(), receipt(fence=2)], key=lambda one: events.h("rcpt", one.payload))
    return [
        Bad("a receipt of another hub", written([*parts(), receipt(OTHER_SEED)]),
            "bad_signature", "receipt", 1),
        Bad("a receipt of a hub that nobody pinned", written([*parts(), receipt(no=1)]),
            "unpinned", "receipt", 1),
        Bad("a receipt of another space", written([*parts(), receipt(space=bytes(32))]),
            "wrong_space", "receipt", 1),
        Bad("receipts out of order", written([*parts(), *reversed(pair)]),
            "misplaced", "receipt", 2),
        Bad("a receipt twice", written([*parts(), receipt(), receipt()]),
            "misplaced", "receipt", 2),
        Bad("another count", written(parts(), counts=[3, 0, 1]), "wrong_count", "seal"),
        Bad("signed by another than the header names", written(parts(), seed=OTHER_SEED),
            "bad_signature", "seal"),
        Bad("a signature for something else", written(parts(), label="audit"),
            "bad_signature", "seal"),
        Bad("another fingerprint", written(parts(), heads=[ONE]), "wrong_fingerprint", "seal"),
        Bad("an author without a grant", written(
            [header(author=OTHER), *parts()[1:]], seed=OTHER_SEED
        ), "no_grant", "seal"),
    ]  # fmt: skip


def bad() -> list[Vector]:
    """Return bundles that break one rule."""
    return [
        {
            "name": one.name,
            "input": {"op": "verify", "hex": one.data.hex()},
            "code": one.reason,
            "part": one.part,
            "number": one.number,
            "event": None if one.event is None else one.event.hex(),
        }
        for one in (*in_file(), *in_parts(), *in_events(), *at_the_end())
    ]


def main() -> None:
    """Write the file."""
    vectors = [*openers(), *good(), *bad()]
    TARGET.write_text(json.dumps(vectors, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
