"""Write tests/vectors/epoch.json: derivations, heads, wraps, boxes, creation and slots.

Made by ``oracle.events``, and boxes by the HPKE of make_seal.py with the encapsulation of the
X-Wing draft; nothing here is envoy's. ``op`` is the operation; shapes stand in docs/spec/epoch.md,
section Vectors. ``boxes`` are [hex, how often], in reading order.
"""

from __future__ import annotations

import json
from pathlib import Path

from oracle import chacha, events, messagepack
from oracle.events import Epoch
from oracle.scene import B0, FIRST_EPOCH, FOUNDER, SECRET, SPACE, WRITER, fixed, shown
from vectors import make_seal as hpke

TARGET = Path(__file__).with_name("epoch.json")
Vector = dict[str, object]

NONCE = fixed("second epoch nonce", 16)
ENC_PK = hpke.public(hpke.SEED)
FIRST_ENTRY = [FIRST_EPOCH.id, FIRST_EPOCH.tag, FIRST_EPOCH.wrap, SECRET]
SECRETS = {name: fixed(f"{name} epoch secret") for name in ("second", "beside", "third", "lone")}


def entry(made: Epoch, secret: bytes) -> list[bytes]:
    """Return the entry of ``made`` in the wrap of a later epoch."""
    return [made.id, made.tag, made.wrap, secret]


def later(name: str, *older: list[bytes]) -> Epoch:
    """Return the epoch of ``name``, which wraps ``older``."""
    return events.epoch(SPACE, WRITER, NONCE, SECRETS[name], sorted(older))


SECOND = later("second", FIRST_ENTRY)
BESIDE = later("beside", FIRST_ENTRY)
THIRD = later("third", entry(SECOND, SECRETS["second"]), entry(BESIDE, SECRETS["beside"]))
LONE = events.epoch(SPACE, FOUNDER, NONCE, SECRETS["lone"], [])


def derivations() -> list[Vector]:
    """Return every value that follows from another."""
    found: list[Vector] = [
        {
            "name": "keys of an epoch secret",
            "input": shown({"op": "keys", "space": SPACE, "secret": SECRET}),
            "expect": shown(
                {
                    "root": FIRST_EPOCH.root,
                    "event_key": FIRST_EPOCH.event_key,
                    "wrap_key": FIRST_EPOCH.wrap_key,
                    "commitment": FIRST_EPOCH.commitment,
                }
            ),
        },
        {
            "name": "the tag of a box",
            "input": shown({"op": "tag", "epoch": SECOND.id, "kid": fixed("kid", 16)}),
            "expect": events.h("box-tag", SECOND.id, fixed("kid", 16))[:16].hex(),
        },
    ]
    for name, made, author, nonce, secret, older in (
        ("the first epoch", FIRST_EPOCH, FOUNDER, B0["nonce"], SECRET, []),
        ("an epoch after one", SECOND, WRITER, NONCE, SECRETS["second"], [FIRST_ENTRY]),
        ("an epoch after two", THIRD, WRITER, NONCE, SECRETS["third"], both()),
    ):
        given = {"op": "create", "space": SPACE, "author": author, "nonce": nonce}
        expect = {"tag": made.tag, "prev_wrap": made.prev_wrap, "wrap": made.wrap}
        found.append(
            {
                "name": name,
                "input": shown({**given, "secret": secret, "older": older}),
                "expect": shown({**expect, "id": made.id, "head": made.head}),
            }
        )
    for no in (0, 1, 2**63 - 1):
        salt, task = B0["salt"], fixed("task")
        assert isinstance(salt, bytes)
        slot = events.kdf(events.ext(SPACE, salt), "slot", task, no.to_bytes(8, "big"))
        given = {"op": "slot", "space": SPACE, "salt": salt, "task": task, "no": no}
        found.append({"name": f"slot at hub {no}", "input": shown(given), "expect": slot.hex()})
    return found


def both() -> list[list[bytes]]:
    """Return the entries of the third epoch in the order of their ids."""
    return sorted((entry(SECOND, SECRETS["second"]), entry(BESIDE, SECRETS["beside"])))


def flipped(data: bytes) -> bytes:
    """Return ``data`` with its first bit changed."""
    return bytes((data[0] ^ 0x80,)) + data[1:]


def heads() -> list[Vector]:
    """Return heads that give their epoch id, and heads that do not."""
    fields: list[object] = [1, SECOND.tag, SECOND.commitment, SECOND.prev_wrap]
    assert SECOND.prev_wrap
    over = messagepack.write([1, SECOND.tag, SECOND.commitment, bytes(12 * 1024)])
    rows: list[tuple[str, str, bytes]] = [
        ("another t", "bad_link", messagepack.write([1, flipped(SECOND.tag), *fields[2:]])),
        (
            "another c",
            "bad_link",
            messagepack.write([*fields[:2], FIRST_EPOCH.commitment, fields[3]]),
        ),
        (
            "another prev_wrap",
            "bad_link",
            messagepack.write([*fields[:3], flipped(SECOND.prev_wrap)]),
        ),
        ("prev_wrap left out", "bad_link", messagepack.write([*fields[:3], None])),
        ("the head of another epoch", "bad_link", FIRST_EPOCH.head),
        ("suite 0", "unknown_suite", messagepack.write([0, *fields[1:]])),
        ("suite 2 with fields of its own", "unknown_suite", messagepack.write([2])),
        ("3 elements", "malformed", messagepack.write(fields[:3])),
        ("5 elements", "malformed", messagepack.write([*fields, None])),
        ("t of 31 bytes", "malformed", messagepack.write([1, SECOND.tag[:31], *fields[2:]])),
        ("no bytes", "malformed", b""),
        ("a long head", "non_canonical", b"\xdc\x00\x04" + SECOND.head[1:]),
        ("over 12 KiB", "too_large", over),
    ]
    found: list[Vector] = []
    for name, made in (("without a wrap", FIRST_EPOCH), ("with a wrap", SECOND)):
        given = {"op": "head", "space": SPACE, "epoch": made.id, "head": made.head}
        expect = {"tag": made.tag, "commitment": made.commitment, "prev_wrap": made.prev_wrap}
        found.append({"name": f"a head {name}", "input": shown(given), "expect": shown(expect)})
    for name, code, head in rows:
        given = {"op": "head", "space": SPACE, "epoch": SECOND.id, "head": head}
        found.append({"name": f"head: {name}", "input": shown(given), "code": code})
    given = {"op": "head", "space": fixed("another space"), "epoch": SECOND.id, "head": SECOND.head}
    found.append({"name": "head: another space", "input": shown(given), "code": "bad_link"})
    return found


def wrapped(plain: bytes, *, space: bytes = SPACE) -> bytes:
    """Return a wrap of the second epoch with any plaintext."""
    return events.aead(SECOND.wrap_key, events.ZERO_NONCE, "hist", space + SECOND.tag, plain)


def wraps() -> list[Vector]:
    """Return wraps that are read, and wraps that are not."""
    one, two = both()
    write = messagepack.write
    right = SECOND.prev_wrap
    assert right
    false = [*one[:3], fixed("no secret of that epoch")]
    crowd = sorted(
        entry(made, secret)
        for secret in (fixed(f"crowd {number}") for number in range(65))
        for made in (events.epoch(SPACE, WRITER, NONCE, secret, []),)
    )
    bad: list[tuple[str, str, bytes]] = [
        ("a bit", "cannot_open", flipped(right)),
        ("cut short", "cannot_open", right[:-1]),
        ("shorter than a tag", "cannot_open", right[:15]),
        ("of another space", "cannot_open", wrapped(write([FIRST_ENTRY]), space=fixed("another"))),
        ("a secret that is another epoch's", "cannot_open", wrapped(write([false]))),
        ("t that is another epoch's", "cannot_open", wrapped(write([[one[0], two[0], *one[2:]]]))),
        ("no entries", "malformed", wrapped(write([]))),
        ("entries out of order", "malformed", wrapped(write([two, one]))),
        ("an entry twice", "malformed", wrapped(write([one, one]))),
        ("65 entries", "malformed", wrapped(write(crowd))),
        ("an entry of 3", "malformed", wrapped(write([one[:3]]))),
        ("a long head", "non_canonical", wrapped(b"\xdc\x00\x01" + write([one])[1:])),
    ]
    good = {
        "of one epoch": [FIRST_ENTRY],
        "of two epochs": [one, two],
        "of an epoch that no other wrap reaches": sorted(
            [FIRST_ENTRY, entry(LONE, SECRETS["lone"])]
        ),
        "of 64 epochs": crowd[:64],
    }
    found: list[Vector] = []
    where = {"op": "wrap", "wrap_key": SECOND.wrap_key, "space": SPACE, "tag": SECOND.tag}
    for name, entries in good.items():
        given = shown(where | {"prev_wrap": wrapped(write(entries))})
        found.append({"name": f"a wrap {name}", "input": given, "expect": shown(entries)})
    for name, code, prev_wrap in bad:
        given = shown(where | {"prev_wrap": prev_wrap})
        found.append({"name": f"wrap: {name}", "input": given, "code": code})
    other = shown(where | {"wrap_key": SECOND.event_key, "prev_wrap": right})
    return [*found, {"name": "wrap: another key", "input": other, "code": "cannot_open"}]


def boxed(info: bytes, plaintext: bytes) -> bytes:
    """Return a box for ENC_PK, of any info and plaintext. Source: RFC 9180, 5.1, 6.1."""
    ids = (hpke.extract(b"", b"psk_id_hash", b""), hpke.extract(b"", b"info_hash", info))
    context, secret = b"\0" + b"".join(ids), hpke.extract(hpke.SHARED, b"secret", b"")
    key = hpke.expand(secret, b"key", context, 32)
    nonce = hpke.expand(secret, b"base_nonce", context, 12)
    return hpke.ENCAPSULATION + chacha.encrypt(key, nonce, b"", plaintext)


def boxes() -> list[Vector]:
    """Return lists of boxes, and which of them gives the secret."""
    info = events.box_info(ENC_PK, SPACE, SECOND.id)
    right = boxed(info, SECRETS["second"])
    rows: dict[str, tuple[list[tuple[bytes, int]], list[int] | None]] = {
        "a box": ([(right, 1)], []),
        "no box": ([], None),
        "a good box behind 63 bogus ones": ([(bytes(1168), 63), (right, 1)], list(range(63))),
        "a good box in the 65th place": ([(bytes(1168), 64), (right, 1)], None),
        "a good box behind one with another epoch's secret": (
            [(boxed(info, SECRETS["beside"]), 1), (right, 1)],
            [0],
        ),
        "a box for another key": (
            [(boxed(info[:-16] + fixed("kid", 16), SECRETS["second"]), 1)],
            None,
        ),
        "a box for another epoch": (
            [(boxed(events.box_info(ENC_PK, SPACE, BESIDE.id), SECRETS["second"]), 1)],
            None,
        ),
        "a box for another space": (
            [(boxed(events.box_info(ENC_PK, fixed("another"), SECOND.id), SECRETS["second"]), 1)],
            None,
        ),
        "a box with another epoch's secret": ([(boxed(info, SECRETS["beside"]), 1)], None),
        "a box with 31 bytes": ([(boxed(info, SECRETS["second"][:31]), 1)], None),
        "a box cut short": ([(right[:-1], 1)], None),
        "no bytes in a box": ([(b"", 1)], None),
    }
    found: list[Vector] = []
    for name, (listed, bogus) in rows.items():
        tried = min(64, sum(times for _, times in listed))
        expect = {
            "secret": None if bogus is None else SECRETS["second"],
            "bogus": list(range(tried)) if bogus is None else bogus,
        }
        given = {
            "op": "boxes",
            "seed": hpke.SEED,
            "space": SPACE,
            "epoch": SECOND.id,
            "head": SECOND.head,
            "boxes": listed,
        }
        found.append({"name": name, "input": shown(given), "expect": shown(expect)})
    return found


def creation() -> list[Vector]:
    """Return what an epoch.create may and may not say of the epoch that it is sealed under."""
    right = {
        "author": WRITER,
        "epoch": SECOND.id,
        "suite": 1,
        "nonce": NONCE,
        "wrap": SECOND.wrap,
        "commitment": SECOND.commitment,
    }
    rows: list[tuple[str, dict[str, object], bool]] = [
        ("as it was made", {}, True),
        ("by another author", {"author": FOUNDER}, False),
        ("with another nonce", {"nonce": fixed("another nonce", 16)}, False),
        ("with another wrap", {"wrap": FIRST_EPOCH.wrap}, False),
        ("with another secret", {"commitment": BESIDE.commitment}, False),
        ("with suite 0", {"suite": 0}, False),
        ("with suite 2", {"suite": 2}, False),
        ("under another epoch", {"epoch": BESIDE.id}, False),
    ]
    return [
        {
            "name": f"an epoch {name}",
            "input": shown({"op": "created", "space": SPACE, **right, **changes}),
            "expect": holds,
        }
        for name, changes, holds in rows
    ]


def walks() -> list[Vector]:
    """Return what a newcomer reaches from the epochs whose secret it has."""
    bad_wrap = flipped(SECOND.prev_wrap or b"")
    bad = events.h("wrap", bad_wrap)
    broken = events.h("epoch", SPACE, SECOND.tag, SECOND.commitment, bad)
    broken_head = messagepack.write([1, SECOND.tag, SECOND.commitment, bad_wrap])
    all_heads = {made.id: made.head for made in (FIRST_EPOCH, SECOND, BESIDE, THIRD)}
    first, second, beside, third = all_heads
    rows: list[tuple[str, dict[bytes, bytes], dict[bytes, bytes], list[bytes], list[bytes]]] = [
        ("from the newest", {third: SECRETS["third"]}, all_heads, [*all_heads], []),
        ("from one amid", {beside: SECRETS["beside"]}, all_heads, [first, beside], []),
        ("from the first", {first: SECRET}, all_heads, [first], []),
        ("without heads", {third: SECRETS["third"]}, {}, [third], []),
        (
            "over a missing head",
            {third: SECRETS["third"]},
            {third: THIRD.head},
            [second, beside, third],
            [],
        ),
        ("over a bad wrap", {broken: SECRETS["second"]}, {broken: broken_head}, [broken], [broken]),
    ]
    found: list[Vector] = []
    for name, secrets, known, reached, faults in rows:
        given = {"op": "walk", "space": SPACE}
        pairs = {"secrets": [*secrets.items()], "heads": [*known.items()]}
        found.append(
            {
                "name": f"walk {name}",
                "input": shown(given | pairs),
                "expect": shown({"reached": sorted(reached), "bad": faults}),
            }
        )
    listed = {third: [second, beside], second: [first], beside: [first], first: []}
    for name, pairs_of, maximal in (
        ("one newest", listed, [third]),
        (
            "two after concurrent rotations",
            {k: listed[k] for k in (second, beside, first)},
            [second, beside],
        ),
        ("one that no verified wrap lists", listed | {LONE.id: []}, [third, LONE.id]),
        ("none", {}, []),
    ):
        rows_of = [[epoch, older] for epoch, older in pairs_of.items()]
        found.append(
            {
                "name": f"maximal: {name}",
                "input": shown({"op": "maximal", "listed": rows_of}),
                "expect": shown(sorted(maximal)),
            }
        )
    return found


def vectors() -> list[Vector]:
    """Return all vectors."""
    return [*derivations(), *heads(), *wraps(), *boxes(), *creation(), *walks()]


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
