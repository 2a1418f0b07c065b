"""Write tests/vectors/invite.json: codes, URIs, derivations, blobs and redeem proofs.

Made by ``oracle.events``; the code is written here a second time, in base 32 by division. ``op``
is the operation; shapes stand in docs/spec/invite.md, section Vectors.
"""

from __future__ import annotations

import json
from pathlib import Path

from oracle import events, messagepack
from oracle.scene import FOUNDER, OTHER, SPACE, WRITER, fixed, shown
from vectors import make_seal as hpke
from vectors.make_epoch import boxed
from vectors.make_event import careless, mixed_key, scalar

TARGET = Path(__file__).with_name("invite.json")
Vector = dict[str, object]

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
ENTROPY = fixed("invite secret", 15)
SECRET = bytes((ENTROPY[0] & 7,)) + ENTROPY[1:]
KEY = events.ext(b"envoy/1 invite", SECRET)
LENGTHS = {"lookup": 16, "blob": 32, "fetch_auth": 32, "redeem": 32, "access": 32, "enc": 32}
KEYS = {n: events.kdf(KEY, f"inv-{n}", length=length) for n, length in LENGTHS.items()}
INVITE, KID, ACCESS = fixed("invite event"), fixed("kid", 16), fixed("access key")
NONCE = fixed("blob nonce", 24)
RELAY, PIN = "https://relay.example:8443", "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg"
OPEN: dict[str, object] = {
    "space": SPACE,
    "relays": [],
    "pin": None,
    "inviter": FOUNDER,
    "invite": INVITE,
    "mode": "open",
    "role": "write",
    "na": 1_700_000_300_000,
    "enc": None,
    "cap": None,
}
APPROVE = OPEN | {
    "relays": [RELAY],
    "pin": fixed("pin"),
    "mode": "approve",
    "role": "read",
    "enc": hpke.public(hpke.SEED),
}


def grouped(secret: bytes) -> str:
    """Return the code of ``secret``."""
    number, symbols = int.from_bytes(secret, "big"), ""
    for _ in range(23):
        number, value = divmod(number, 32)
        symbols = ALPHABET[value] + symbols
    symbols += ALPHABET[events.h("invite-check", secret)[0] // 8]
    return "-".join(symbols[at : at + 4] for at in range(0, 24, 4))


CODE = grouped(SECRET)
PLAIN = CODE.replace("-", "")
ESSES_SECRET = (ALPHABET.index("S") * 33 << 105).to_bytes(15, "big")
ESSES = grouped(ESSES_SECRET).replace("-", "")  # begins with S, S


def other_symbol(text: str, at: int) -> str:
    """Return ``text`` with another symbol of the alphabet in one place."""
    value = ALPHABET[(ALPHABET.index(text[at]) + 1) % 32]
    return text[:at] + value + text[at + 1 :]


def codes() -> list[Vector]:
    """Return codes and URIs, good and bad."""
    found: list[Vector] = []
    zeros, ones = bytes(15), b"\x07" + b"\xff" * 14
    for name, secret in (("a code", SECRET), ("all zero bits", zeros), ("all one bits", ones)):
        given = {"op": "code", "secret": secret}
        found.append({"name": name, "input": shown(given), "expect": grouped(secret)})
    for name, entropy, secret in (
        ("five bits too many are cut off", b"\xff" * 15, ones),
        ("a secret of random bytes", ENTROPY, SECRET),
    ):
        given = {"op": "secret", "entropy": entropy}
        found.append({"name": name, "input": shown(given), "expect": secret.hex()})
    bare: tuple[str | None, str | None] = (None, None)
    query = f"r={RELAY}&pin={PIN}"
    rows: dict[str, tuple[str, tuple[str | None, str | None]]] = {
        "as it is written": (CODE, bare),
        "without dashes": (PLAIN, bare),
        "in lower case": (CODE.lower(), bare),
        "with blanks for dashes": (CODE.replace("-", " "), bare),
        "with blanks around": (f"  {CODE}\n", bare),
        "grouped in another way": (PLAIN[:5] + "-" + PLAIN[5:], bare),
        "a URI": (f"envoy://join#{CODE}", bare),
        "a URI with a relay": (f"envoy://join?r={RELAY}#{CODE}", (RELAY, None)),
        "a URI with a relay and its pin": (f"envoy://join?{query}#{CODE}", (RELAY, PIN)),
        "a URI in another order": (f"envoy://join?pin={PIN}&r={RELAY}#{CODE}", (RELAY, PIN)),
        "a URI whose head is in upper case": (f"ENVOY://JOIN#{CODE}", bare),
    }
    for name, (text, (relay, pin)) in rows.items():
        expect = {"secret": SECRET.hex(), "relay": relay, "pin": pin}
        found.append({"name": name, "input": {"op": "parse", "text": text}, "expect": expect})
    told = {"secret": ESSES_SECRET.hex(), "relay": None, "pin": None}
    given = {"op": "parse", "text": ESSES.lower()}
    found.append({"name": "a code that begins with ss", "input": given, "expect": told})
    return found + bad_codes(query)


def bad_codes(query: str) -> list[Vector]:
    """Return texts that are no code and no URI of one."""
    rows = {
        "nothing": "",
        "blanks alone": "   ",
        "blanks around that are not ASCII": f"\u00a0{CODE}\u3000",
        "23 symbols": PLAIN[:-1],
        "25 symbols": PLAIN + PLAIN[-1],
        "another symbol in the first place": other_symbol(CODE, 0),
        "another check symbol": other_symbol(CODE, len(CODE) - 1),
        "two symbols changed places": swapped(PLAIN),
        **{f"the symbol {symbol}": symbol + PLAIN[1:] for symbol in "IO01il_*"},
        "a letter that becomes S in upper case": ESSES.replace("S", "\u017f"),
        "a letter that becomes SS in upper case": ESSES.replace("SS", "\u00df", 1),
        "a dash of another kind": CODE.replace("-", "\u2010"),
        "a full-width digit": "\uff12" + PLAIN[1:],
        "a line break inside": PLAIN[:4] + "\n" + PLAIN[4:],
        "more dashes than any grouping has": PLAIN + "-" * 41,
        "a space id": "space_" + "a" * 52,
        "a URI of something else": f"envoy://task#{CODE}",
        "a URI of the web": f"https://join#{CODE}",
        "a URI without a code": "envoy://join",
        "a URI with an empty code": "envoy://join#",
        "a code in the query": f"envoy://join?{CODE}",
        "a path": f"envoy://join/x#{CODE}",
        "a query without its sign": f"envoy://join&r={RELAY}#{CODE}",
        "an unknown parameter": f"envoy://join?{query}&x=1#{CODE}",
        "a parameter twice": f"envoy://join?r={RELAY}&r={RELAY}#{CODE}",
        "a parameter without a value": f"envoy://join?r=#{CODE}",
        "a parameter without a sign": f"envoy://join?r#{CODE}",
        "a control character in a parameter": f"envoy://join?r=a\x1bb#{CODE}",
        "an empty pair": f"envoy://join?{query}&#{CODE}",
        "an empty query": f"envoy://join?#{CODE}",
        "a URI of over 1,024 characters": f"envoy://join?r={'a' * 1000}#{CODE}",
        "two fragments": f"envoy://join#{CODE}#{CODE}",
    }
    return [
        {"name": f"code: {name}", "input": {"op": "parse", "text": text}, "code": "invalid_invite"}
        for name, text in rows.items()
    ]


def swapped(text: str) -> str:
    """Return ``text`` with the first two neighbours exchanged that differ."""
    at = next(at for at in range(22) if text[at] != text[at + 1])
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def blob(plain: bytes, *, lookup: bytes = KEYS["lookup"]) -> bytes:
    """Return the blob of a plaintext that is as long as it is."""
    return NONCE + events.aead(KEYS["blob"], NONCE, "blob", lookup, plain)


def plain_of(info: dict[str, object], *, size: int = 4056) -> bytes:
    """Return the plaintext of a blob."""
    raw = messagepack.write(list(info.values()))
    return (len(raw).to_bytes(4, "big") + raw).ljust(size, b"\0")


def blobs() -> list[Vector]:
    """Return blobs that tell, and blobs that do not."""
    right = blob(plain_of(OPEN))
    raw = messagepack.write(list(OPEN.values()))
    found: list[Vector] = []
    full = APPROVE | {"relays": ["https://" + "r" * 504] * 4}
    capped = OPEN | {"relays": full["relays"], "cap": bytes(1024)}
    for name, info in (
        ("of an open invite", OPEN),
        ("of an invite that somebody approves", APPROVE),
        ("with the longest relays and key", full),
        ("with the longest relays and capability", capped),
    ):
        told = shown({"op": "blob", "secret": SECRET, "blob": blob(plain_of(info))})
        found.append({"name": f"a blob {name}", "input": told, "expect": shown(info)})
    longer = len(raw).to_bytes(4, "big") + raw[:1] + b"\xc5\x00\x20" + raw[3:]
    rows = {
        "for another lookup id": ("cannot_open", blob(plain_of(OPEN), lookup=bytes(16))),
        "a bit of the nonce": ("cannot_open", bytes((right[0] ^ 1,)) + right[1:]),
        "a bit of the ciphertext": ("cannot_open", right[:-1] + bytes((right[-1] ^ 1,))),
        "of 4,095 bytes": ("malformed", blob(plain_of(OPEN, size=4055))),
        "of 4,097 bytes": ("malformed", blob(plain_of(OPEN, size=4057))),
        "no bytes": ("malformed", b""),
        "a length beyond the end": ("malformed", blob(b"\x00\x00\x0f\xd5" + bytes(4052))),
        "a bit of the padding": ("non_canonical", blob(plain_of(OPEN)[:-1] + b"\1")),
        "a long head": (
            "non_canonical",
            blob(((len(raw) + 1).to_bytes(4, "big") + longer[4:]).ljust(4056, b"\0")),
        ),
        "a field missing": (
            "malformed",
            blob(plain_of({k: v for k, v in OPEN.items() if k != "cap"})),
        ),
        "a field too many": ("malformed", blob(plain_of(OPEN | {"more": None}))),
        "another mode": ("malformed", blob(plain_of(OPEN | {"mode": "closed"}))),
        "another role": ("malformed", blob(plain_of(OPEN | {"role": "guest"}))),
        "open mode with a key": ("malformed", blob(plain_of(OPEN | {"enc": APPROVE["enc"]}))),
        "approve mode without one": ("malformed", blob(plain_of(APPROVE | {"enc": None}))),
        "approve mode with a capability": ("malformed", blob(plain_of(APPROVE | {"cap": b""}))),
        "five relays": ("malformed", blob(plain_of(OPEN | {"relays": [RELAY] * 5}))),
        "an empty relay": ("malformed", blob(plain_of(OPEN | {"relays": [""]}))),
        "a relay of 513 bytes": ("malformed", blob(plain_of(OPEN | {"relays": ["r" * 513]}))),
        "a capability of 1,025 bytes": ("malformed", blob(plain_of(OPEN | {"cap": bytes(1025)}))),
    }
    for name, (code, sealed) in rows.items():
        given = shown({"op": "blob", "secret": SECRET, "blob": sealed})
        found.append({"name": f"blob: {name}", "input": given, "code": code})
    given = shown({"op": "blob", "secret": bytes(15), "blob": right})
    return [*found, {"name": "blob: another code", "input": given, "code": "cannot_open"}]


def proofs() -> list[Vector]:
    """Return redeem proofs that hold, and proofs of something else."""
    said = {"space": SPACE, "invite": INVITE, "author": WRITER, "kid": KID, "access": ACCESS}
    proof = events.sig(KEYS["redeem"], "join", *said.values())
    right = {"op": "proof", "ipk": events.public(KEYS["redeem"]), "proof": proof, **said}
    mixed, message = mixed_key(KEYS["redeem"]), events.prefix("join") + b"".join(said.values())
    rows: list[tuple[str, dict[str, bytes]]] = [
        ("for another space", {"space": fixed("another space")}),
        ("under another invite", {"invite": fixed("another invite")}),
        ("for another member", {"author": OTHER}),
        ("with another encryption key", {"kid": fixed("another kid", 16)}),
        ("with another access key", {"access": fixed("another access key")}),
        ("of another code", {"ipk": events.public(fixed("another redeem seed"))}),
        ("under a key that is no point", {"ipk": b"\x01" + bytes(31)}),
        (
            "under a key of mixed order",
            {"ipk": mixed, "proof": careless(mixed, scalar(KEYS["redeem"]), message)},
        ),
        ("under another label", {"proof": events.sig(KEYS["redeem"], "event", *said.values())}),
        ("with a bit changed", {"proof": bytes((proof[0] ^ 1,)) + proof[1:]}),
        ("of 63 bytes", {"proof": proof[:-1]}),
    ]
    found: list[Vector] = [{"name": "a proof", "input": shown(right), "expect": True}]
    for name, changes in rows:
        given = shown(right | changes)
        found.append({"name": f"a proof {name}", "input": given, "expect": False})
    return found


ASKS: list[object] = [WRITER, "crawler", [bytes(1300), bytes(64)], ACCESS, bytes(64)]
TOLD: list[object] = [SPACE, fixed("epoch"), None]


def sealed(label: str, plain: bytes, *, lookup: bytes = KEYS["lookup"]) -> bytes:
    """Return a request or an answer in the box of the key that the vectors have."""
    return boxed(events.prefix(label) + lookup, plain)


def padded(fields: list[object], *, size: int = 2960) -> bytes:
    """Return what is inside."""
    raw = messagepack.write(fields)
    return (len(raw).to_bytes(4, "big") + raw).ljust(size, b"\0")


def requests() -> list[Vector]:
    """Return join requests and answers, good and bad."""
    found: list[Vector] = []
    given: dict[str, object] = {"seed": hpke.SEED, "lookup": KEYS["lookup"]}
    names = {
        "request": ("did", "name", "keys", "access", "proof"),
        "answer": ("space", "epoch", "cap"),
    }
    labels = {"request": "join-request", "answer": "join-reply"}
    longest: list[object] = [WRITER, "n" * 128, [bytes(2048), bytes(64)], ACCESS, bytes(64)]
    for name, op, fields in (
        ("a join request", "request", ASKS),
        ("a join request with the longest name and statement", "request", longest),
        ("an answer", "answer", TOLD),
        ("an answer with the longest capability", "answer", [*TOLD[:2], bytes(1024)]),
    ):
        box = sealed(labels[op], padded(fields))
        told = shown({"op": op, **given, "sealed": box})
        expect = shown(dict(zip(names[op], fields, strict=True)))
        found.append({"name": name, "input": told, "expect": expect})
    right = sealed("join-request", padded(ASKS))
    rows: list[tuple[str, str, str, bytes]] = [
        ("for another invite", "request", "cannot_open",
         sealed("join-request", padded(ASKS), lookup=bytes(16))),
        ("under the label of answers", "request", "cannot_open",
         sealed("join-reply", padded(ASKS))),
        ("with a bit changed", "request", "cannot_open", right[:-1] + bytes((right[-1] ^ 1,))),
        ("of 4,095 bytes", "request", "malformed", sealed("join-request", padded(ASKS, size=2959))),
        ("of 4,097 bytes", "request", "malformed", sealed("join-request", padded(ASKS, size=2961))),
        ("with a length beyond the end", "request", "malformed",
         sealed("join-request", (2957).to_bytes(4, "big") + bytes(2956))),
        ("with a bit of its padding", "request", "non_canonical",
         sealed("join-request", padded(ASKS)[:-1] + b"\1")),
        ("with a field too many", "request", "malformed",
         sealed("join-request", padded([*ASKS, None]))),
        ("without a name", "request", "malformed",
         sealed("join-request", padded([ASKS[0], "", *ASKS[2:]]))),
        ("with a name of 129 bytes", "request", "malformed",
         sealed("join-request", padded([ASKS[0], "n" * 129, *ASKS[2:]]))),
        ("with a capability of 1,025 bytes", "answer", "malformed",
         sealed("join-reply", padded([*TOLD[:2], bytes(1025)]))),
    ]  # fmt: skip
    for name, op, code, box in rows:
        told = shown({"op": op, **given, "sealed": box})
        found.append({"name": f"{op}: {name}", "input": told, "code": code})
    return found


def vectors() -> list[Vector]:
    """Return all vectors."""
    keys: Vector = {
        "name": "every key of a code",
        "input": {"op": "keys", "secret": SECRET.hex()},
        "expect": shown({**KEYS, "key": KEY, "ipk": events.public(KEYS["redeem"])}),
    }
    return [keys, *codes(), *blobs(), *proofs(), *requests()]


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
