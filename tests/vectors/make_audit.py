"""Write tests/vectors/audit.json: openers, and whole audit bundles, good and bad.

Made by ``oracle``, not by envoy: events, epochs, receipts, ChaCha20 and the parts themselves. A bad
bundle breaks one rule; checks and signature behind it are made anew, unless they are what is wrong.
Shapes: docs/spec/audit.md, section Vectors.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from oracle import chacha, events
from oracle.events import Fields
from oracle.scene import (
    FOUNDED_TS,
    FOUNDER,
    OTHER,
    OTHER_SEED,
    PLACE,
    SPACE,
    fixed,
)
from vectors.audit_parts import (
    ALL,
    APART,
    AT,
    FIRST,
    HEADER,
    ONE,
    OTHER_EPOCH,
    SHOWN,
    TWO,
    UNSAID,
    Made,
    Part,
    epoch,
    fingerprint,
    header,
    made,
    order,
    parts,
    receipt,
    said,
    two_epochs,
    written,
)

TARGET = Path(__file__).with_name("audit.json")
Vector = dict[str, object]
# -- good --------------------------------------------------------------------------------------


def counted(events_: int, stubs: int, pinned: int, receipts: int, *heads: Made) -> Vector:
    """Return what a good bundle comes to."""
    return {
        "events": events_,
        "stubs": stubs,
        "pinned": pinned,
        "unmade": 0,
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
        (
            "a stub that a shown event names",
            written(parts(*hidden, redact=["bodies"])),
            counted(3, 1, 1, 0),
        ),
        ("a stub that nobody names", written(parts(*last, member=OTHER)), counted(3, 1, 0, 0)),
        ("a stub that is too old", written(parts(*last, since=AT)), counted(3, 1, 0, 0)),
        ("a stub about no task", written(parts(*last, task=fixed("task"))), counted(3, 1, 0, 0)),
        (
            "a stub of what was redacted",
            written(
                parts(
                    *(one.shown for one in (FIRST, ONE)),
                    TWO.stub(),
                    UNSAID.shown,
                    ids=[one.id for one in (*ALL, UNSAID)],
                ),
                heads=[UNSAID],
            ),
            counted(4, 1, 1, 0, UNSAID),
        ),
        (
            "an event under an epoch that nobody created",
            written(
                [
                    header(),
                    *two_epochs(),
                    order(*(one.id for one in (*ALL, APART))),
                    *(one.shown for one in ALL),
                    APART.shown,
                ],
                heads=[APART],
            ),
            {**counted(4, 0, 0, 0, APART), "unmade": 1},
        ),
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
    two = (3, TWO.id)
    forged = made(TWO.fields, OTHER_SEED)
    late = said("Cast off.", ONE, lam=7)
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
        Bad("a genesis of another space", written(
            [header(space=fixed("space")), epoch(**other_epoch(fixed("space"))), *parts()[2:]]
        ), "unknown_epoch", "event", 1, FIRST.id),
    ]  # fmt: skip


def in_stubs() -> list[Bad]:
    """Return what fails as a stub, its checks made anew."""
    one, grant = (2, ONE.id), said("x", ONE, kind="grant", body=b"\xc0")
    return [
        Bad("a stub with another number", written(parts(
            FIRST.shown, ONE.stub(seq=2), TWO.shown, redact=["bodies"]
        )), "bad_link", "event", *one),
        Bad("a stub of what decides authority", written(
            parts(FIRST.shown, ONE.shown, grant.stub(), ids=[FIRST.id, ONE.id, grant.id]),
            heads=[grant],
        ), "hidden_authority", "event", 3, grant.id),
        Bad("a stub that the header does not account for", written(
            parts(FIRST.shown, ONE.stub(kind="record"), TWO.shown)
        ), "unaccounted", "event", *one),
        Bad("a stub of another sort than is withheld", written(
            parts(FIRST.shown, ONE.stub(kind="record"), TWO.shown, redact=["objects"])
        ), "unaccounted", "event", *one),
        Bad("a stub of whom the bundle is about", written(
            parts(FIRST.shown, ONE.stub(kind="record"), TWO.shown, member=FOUNDER)
        ), "unaccounted", "event", *one),
        Bad("a stub that is not too old", written(
            parts(FIRST.shown, ONE.stub(kind="record"), TWO.shown, since=FOUNDED_TS + 1)
        ), "unaccounted", "event", *one),
        Bad("a stub of what nobody redacted", written(
            parts(FIRST.shown, ONE.stub(), TWO.shown)
        ), "unaccounted", "event", *one),
        Bad("a stub of no kind", written(parts(FIRST.shown, ONE.stub(kind="9"), TWO.shown)),
            "malformed", "event", *one),
        Bad("a stub by no key", written(
            parts(FIRST.shown, ONE.stub(author=bytes(32)), TWO.shown)
        ), "malformed", "event", *one),
    ]  # fmt: skip


def other_epoch(space: bytes = SPACE) -> Fields:
    """Return the fields of an epoch that no event is sealed under."""
    made_ = OTHER_EPOCH
    if space != SPACE:
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
        for one in (*in_file(), *in_parts(), *in_events(), *in_stubs(), *at_the_end())
    ]


def main() -> None:
    """Write the file."""
    vectors = [*openers(), *good(), *bad()]
    TARGET.write_text(json.dumps(vectors, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
