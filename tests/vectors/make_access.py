"""Write tests/vectors/access.json: capability chains, session proofs, access statements.

Made by ``oracle``, not by envoy. A bad one breaks one rule, and what stands around it is signed
again. Shapes: docs/spec/access.md, section Vectors.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from oracle import events, messagepack
from oracle.scene import B0, fixed, space_of

TARGET = Path(__file__).with_name("access.json")
Vector = dict[str, object]

SPACE = space_of(B0)
ROOT = fixed("space root seed")
ROOT_PUB = events.public(ROOT)
SEEDS = {name: fixed(f"access {name}") for name in ("admin", "second", "writer", "delegate")}
KEYS = {name: events.public(seed) for name, seed in SEEDS.items()}
EXP = 1_800_000_000_000
NO_KEY = bytes(31) + b"\x02"


def cap(who: str, role: str, depth: int, **other: object) -> list[object]:
    """Return the fields of a capability, some of them changed by ``other``."""
    fields: dict[str, object] = {
        "space": SPACE,
        "gen": 0,
        "role": role,
        "holder": KEYS[who],
        "exp": 0,
        "depth": depth,
        "uses": 0,
        **other,
    }
    return list(fields.values())


def link(seed: bytes, fields: list[object], label: str = "cap") -> bytes:
    """Return a link that ``seed`` signed."""
    raw = messagepack.write(fields)
    return messagepack.write([raw, events.sig(seed, label, raw)])


def hash_of(fields: list[object]) -> str:
    """Return the hash of a capability."""
    return hashlib.sha256(messagepack.write(fields)).hexdigest()


ADMIN = cap("admin", "a", 3)
SECOND = cap("second", "a", 2)
WRITER = cap("writer", "w", 1, exp=EXP)
DELEGATE = cap("delegate", "r", 0, gen=7, exp=EXP, uses=0)
# An invite, and who joins by it: its end is that of redemption, the joiner's link lasts longer.
JOINED = EXP + 30 * 86_400_000
INVITE = cap("second", "w", 1, exp=EXP, uses=2)
WHOLE = [
    link(ROOT, ADMIN),
    link(SEEDS["admin"], SECOND),
    link(SEEDS["second"], WRITER),
    link(SEEDS["writer"], DELEGATE),
]


def chain(links: list[bytes], *, space: bytes = SPACE) -> Vector:
    """Return the input of a vector that reads a chain."""
    shown = [one.hex() for one in links]
    return {"op": "chain", "space": space.hex(), "root_pub": ROOT_PUB.hex(), "links": shown}


def good_chains() -> list[Vector]:
    """Return chains that hold."""
    caps = [ADMIN, SECOND, WRITER, DELEGATE]
    holders = ["admin", "second", "writer", "delegate"]
    posters = ["admin", "second", "writer", "writer"]
    found: list[Vector] = []
    for count in (1, 2, 3, 4):
        last = caps[count - 1]
        expect = {
            "role": last[2],
            "holder": KEYS[holders[count - 1]].hex(),
            "poster": KEYS[posters[count - 1]].hex(),
            "hashes": [hash_of(one) for one in caps[:count]],
        }
        found.append(
            {"name": f"a chain of {count}", "input": chain(WHOLE[:count]), "expect": expect}
        )
    joiner = cap("writer", "w", 0, exp=JOINED)
    links = [WHOLE[0], link(SEEDS["admin"], INVITE), link(SEEDS["second"], joiner)]
    expect = {
        "role": "w",
        "holder": KEYS["writer"].hex(),
        "poster": KEYS["second"].hex(),
        "hashes": [hash_of(one) for one in (ADMIN, INVITE, joiner)],
    }
    name = "a joiner that lasts 30 days longer than its invite"
    found.append({"name": name, "input": chain(links), "expect": expect})
    return found


def bad_chains() -> list[Vector]:
    """Return chains that break one rule."""
    admin, second = SEEDS["admin"], SEEDS["second"]
    first = WHOLE[0]
    raw = messagepack.write(ADMIN)
    bit = bytearray(events.sig(ROOT, "cap", raw))
    bit[3] ^= 1
    five = [*WHOLE[:3], link(SEEDS["writer"], cap("delegate", "r", 0)), WHOLE[3]]
    invite = [first, link(admin, INVITE)]
    brief = link(ROOT, cap("admin", "a", 3, exp=EXP - 1))
    cases: list[tuple[str, str, list[bytes]]] = [
        ("no link", "malformed", []),
        ("five links", "malformed", five),
        ("six fields", "malformed", [link(ROOT, ADMIN[:-1])]),
        ("eight fields", "malformed", [link(ROOT, [*ADMIN, 0])]),
        ("another role", "malformed", [link(ROOT, cap("admin", "o", 3))]),
        ("depth 4", "malformed", [link(ROOT, cap("admin", "a", 4))]),
        ("uses 101", "malformed", [link(ROOT, cap("admin", "a", 3, uses=101))]),
        ("an end below 0", "malformed", [link(ROOT, cap("admin", "a", 3, exp=-1))]),
        ("a signature of 63 bytes", "malformed", [messagepack.write([raw, bytes(63)])]),
        ("a byte behind", "malformed", [first + b"\0"]),
        ("a long head", "non_canonical", [b"\xdc\x00\x02" + first[1:]]),
        ("a link of another space", "wrong_space",
         [first, link(admin, cap("second", "a", 2, space=fixed("other space")))]),
        ("a holder that is no key", "bad_key", [link(ROOT, cap("admin", "a", 3, holder=NO_KEY))]),
        ("a higher role than the one above", "bad_link",
         [*WHOLE[:3], link(SEEDS["writer"], cap("delegate", "a", 0, exp=EXP))]),
        ("the depth of the one above", "bad_link", [first, link(admin, cap("second", "a", 3))]),
        ("below depth 0", "bad_link",
         [link(ROOT, cap("admin", "a", 0)), link(admin, cap("second", "r", 0))]),
        ("an end after the one above", "bad_link",
         [*WHOLE[:3], link(SEEDS["writer"], cap("delegate", "r", 0, exp=EXP + 1))]),
        ("no end below one that ends", "bad_link",
         [*WHOLE[:3], link(SEEDS["writer"], cap("delegate", "r", 0))]),
        ("an end after one two links above", "bad_link",
         [link(ROOT, cap("admin", "a", 3, exp=EXP)), link(admin, cap("second", "a", 2, exp=EXP)),
          link(second, cap("writer", "w", 1, exp=EXP + 1))]),
        ("a joiner 30 days and 1 ms after its invite", "bad_link",
         [*invite, link(second, cap("writer", "w", 0, exp=JOINED + 1))]),
        ("a joiner without an end", "bad_link",
         [*invite, link(second, cap("writer", "w", 0))]),
        ("a joiner that outlasts who made the invite", "bad_link",
         [brief, link(admin, cap("second", "w", 1, exp=EXP - 2, uses=2)),
          link(second, cap("writer", "w", 0, exp=EXP))]),
        ("one bit of a signature", "bad_signature", [messagepack.write([raw, bytes(bit)])]),
        ("the first link by another than root", "bad_signature", [link(admin, ADMIN)]),
        ("a link by another than the holder above", "bad_signature",
         [first, link(second, SECOND)]),
        ("a signature under another label", "bad_signature", [link(ROOT, ADMIN, "session")]),
        ("the first link is missing", "bad_signature", WHOLE[1:]),
    ]  # fmt: skip
    return [{"name": name, "input": chain(links), "code": code} for name, code, links in cases]


def proof(**other: object) -> list[object]:
    """Return the fields of a proof, some of them changed by ``other``."""
    fields: dict[str, object] = {
        "v": 1,
        "aud": "https://relay.example",
        "ts": 1_700_000_000_000,
        "nonce": fixed("nonce", 16),
        "space": SPACE,
        "holder": KEYS["writer"],
        "chain": WHOLE[:3],
        **other,
    }
    return list(fields.values())


def proving(fields: list[object], seed: bytes = SEEDS["writer"], label: str = "session") -> Vector:
    """Return the input of a vector that reads a proof."""
    raw = messagepack.write(fields)
    return {"op": "proof", "hex": raw.hex(), "sig": events.sig(seed, label, raw).hex()}


def proofs() -> list[Vector]:
    """Return session proofs, good and bad."""
    found: list[Vector] = []
    for name, other in (
        ("a proof with its chain", {}),
        ("a proof with the registered chain", {"chain": None}),
        ("a proof for the account", {"chain": None, "space": None}),
    ):
        fields = proof(**other)
        shown = [
            one.hex() if isinstance(one, bytes)
            else [link.hex() for link in one] if isinstance(one, list)
            else one
            for one in fields
        ]  # fmt: skip
        found.append({"name": name, "input": proving(fields), "expect": shown})
    broken: list[tuple[str, str, Vector]] = [
        ("version 2", "malformed", proving(proof(v=2))),
        ("no audience", "malformed", proving(proof(aud=""))),
        ("an audience of 513 bytes", "malformed", proving(proof(aud="h" * 513))),
        ("a nonce of 15 bytes", "malformed", proving(proof(nonce=bytes(15)))),
        ("an empty chain", "malformed", proving(proof(chain=[]))),
        ("a chain of 5", "malformed", proving(proof(chain=[*WHOLE, WHOLE[0]]))),
        ("an account with a chain", "malformed", proving(proof(space=None))),
        ("a holder that is no key", "bad_key", proving(proof(holder=NO_KEY))),
        ("signed by another", "bad_signature", proving(proof(), SEEDS["admin"])),
        ("signed under another label", "bad_signature", proving(proof(), label="cap")),
    ]
    for name, code, given in broken:
        found.append({"name": f"a proof: {name}", "input": given, "code": code})
    return found


def statement(**other: object) -> list[object]:
    """Return the fields of an access statement, some of them changed by ``other``."""
    fields: dict[str, object] = {
        "space": SPACE,
        "n": 4,
        "base": 0,
        "min_epoch": 2,
        "revoked": sorted(fixed(f"gone {number}") for number in range(3)),
        **other,
    }
    return list(fields.values())


def stated(
    fields: list[object], links: list[bytes], seed: bytes, label: str = "access-state"
) -> Vector:
    """Return the input of a vector that reads an access statement."""
    raw = messagepack.write(fields)
    signed = messagepack.write([raw, links, events.sig(seed, label, raw)])
    return {
        "op": "statement",
        "space": SPACE.hex(),
        "root_pub": ROOT_PUB.hex(),
        "hex": signed.hex(),
    }


def statements() -> list[Vector]:
    """Return access statements, good and bad."""
    admin, root = SEEDS["admin"], ROOT
    gone = sorted(fixed(f"gone {number}") for number in range(3))
    found: list[Vector] = []
    for name, links, seed, base, least in (
        ("a statement of root", [], root, 0, 2),
        ("a statement of an admin", WHOLE[:1], admin, 0, 0),
        ("a statement of a second admin that adds to root's", WHOLE[:2], SEEDS["second"], 9, 0),
    ):
        signer = events.public(seed).hex() if links else None
        expect = {
            "n": 4, "base": base, "min_epoch": least, "revoked": [one.hex() for one in gone],
            "signer": signer,
        }  # fmt: skip
        given = stated(statement(base=base, min_epoch=least), links, seed)
        found.append({"name": name, "input": given, "expect": expect})
    many = sorted(fixed(f"gone {number}") for number in range(1001))
    # fmt: off
    broken: list[tuple[str, str, Vector]] = [
        ("number 0", "malformed", stated(statement(n=0), [], root)),
        ("1,001 hashes", "malformed", stated(statement(revoked=many), [], root)),
        ("unsorted", "malformed", stated(statement(revoked=gone[::-1]), [], root)),
        ("a hash twice", "malformed", stated(statement(revoked=[gone[0], *gone]), [], root)),
        ("another space", "wrong_space", stated(statement(space=fixed("other")), [], root)),
        ("four fields", "malformed", stated([SPACE, 4, 2, gone], [], root)),
        ("of root with a base", "malformed", stated(statement(base=1), [], root)),
        ("of an admin with an epoch", "malformed", stated(statement(), WHOLE[:1], admin)),
        ("by a writer", "bad_link", stated(statement(min_epoch=0), WHOLE[:3], SEEDS["writer"])),
        ("by an admin without a chain", "bad_signature", stated(statement(), [], admin)),
        ("by another than the leaf", "bad_signature",
         stated(statement(min_epoch=0), WHOLE[:2], admin)),
        ("under another label", "bad_signature", stated(statement(), [], root, "cap")),
    ]
    # fmt: on
    for name, code, given in broken:
        found.append({"name": f"a statement: {name}", "input": given, "code": code})
    return found


def vectors() -> list[Vector]:
    """Return all vectors."""
    return good_chains() + bad_chains() + proofs() + statements()


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
